"""The command `eager run`: one model on one data set, also by the flags of the authors' program.

`options.py` reads the command line; `experiment.py` writes the experiment and starts Snakemake.
"""
