"""Commands about a whole plan: `eager status`, `eager estimate`, `eager clean`.

Start with `cli.py`.
"""
