"""From entries of the configuration to prompts: models, data sets, token ids.

Start with `tasks.py` (a data set's rows as tasks) and `encoding.py` (tasks as token ids).
"""
