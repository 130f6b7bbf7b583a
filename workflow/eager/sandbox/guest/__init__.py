"""The modules that are sent into the sandbox's container, and nothing else.

Start with `boot.py`, which the container's Python runs first, then `harness.py`. Nothing here
imports from another package.
"""
