"""From sequences to verdicts and metrics.

Start with `evaluate.py` (is each sequence correct?), `answers/` (when is an answer right?) and
`statistics/metrics.py` (Pass@k and the others; add a metric there). `measure.py` writes
metrics.json.
"""
