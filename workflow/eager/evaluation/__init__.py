"""From sequences to verdicts and metrics.

Start with `evaluate.py` (is each sequence correct?) and `metrics.py` (Pass@k and the others; add a
metric there). `measure.py` writes metrics.json.
"""
