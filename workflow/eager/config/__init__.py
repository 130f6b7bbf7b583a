"""What may be written in config/, how it is checked, and where results lie.

Start with `schema.py` (every key of every file); `load.py` reads and checks, `paths.py` names
folders, `settings.py` has the parameters that a result depends on.
"""
