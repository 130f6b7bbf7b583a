"""Commands about a whole plan and a machine: `eager status`, `eager estimate`, `eager clean`,
`eager check-machine`.

Start with `cli.py`; the check of a machine is `machine/`, from `check.py` on.
"""
