"""The report page with the branch explorer; `page.py` puts it together."""
