"""Commands about a plan and a machine: `eager status`, `estimate`, `clean`, `check-machine`.

Start with `cli.py`; an estimate begins in `estimate.py`, the check of a machine in
`machine/check.py`.
"""
