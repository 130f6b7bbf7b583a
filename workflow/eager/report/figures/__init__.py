"""Figures of one model and data set: `facts.py` reads what they show, `draw.py` draws it."""
