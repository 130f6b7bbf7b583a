"""Commands about a whole plan: `eager status` and `eager estimate`.

Start with `cli.py`.
"""
