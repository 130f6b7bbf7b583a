"""This machine: does it generate what it should, how fast, and with which engine options.

Start with `check.py` (`eager check-machine`) and `tuning.py` (`eager tune`).
"""
