"""Tables of an experiment: `summary.py` makes the rows, `rendering.py` writes the files."""
