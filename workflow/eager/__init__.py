"""EAGer, entropy-aware generation (arXiv 2510.11170): the package behind the Snakemake rules."""

__version__ = "0.1.0"
