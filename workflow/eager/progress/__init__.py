"""Commands about a plan and its results: `eager status`, `estimate`, `clean`.

Start with `cli.py`; an estimate begins in `estimate.py`.
"""
