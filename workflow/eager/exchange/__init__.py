"""Results in and out: the authors' file format, and archives of whole experiments.

Start with `authors_format.py` (their fields), then `export.py` and `import_.py`.
"""
