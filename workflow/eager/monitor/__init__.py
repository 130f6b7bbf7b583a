"""Commands about a plan and a machine: `eager status`, `estimate`, `clean`, `check-machine`.

Start with `cli.py`; the check of a machine is `machine/`, from `check.py` on.
"""
