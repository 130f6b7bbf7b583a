"""`eager run`: one command line to a small experiment, and that through Snakemake.

Start with `options.py` (the flags, the authors' among them), then `experiment.py`.
"""
