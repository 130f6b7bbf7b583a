"""The real command lines of Snakemake where no engine is needed: plans, mistakes, 500 cells."""
