"""The paper's method as pure functions of numbers: no files, no engine, no settings.

Start with `branching.py`: `PromptTree` decides at each step whether a sequence branches.
`entropy.py` has the entropy and the running threshold, `allocation.py` who gets the saved budget.
"""
