"""From metrics to tables, figures and the report page.

Start with `results.py` (a finished cell on disk), then `tables/`, `figures/` and `page/`.
"""
