"""Small helpers of every package: errors, files, Parquet tables, fingerprints of code, logs.

Start with `tables.py` (the columns of every Parquet file) and `errors.py` (messages for users).
"""
