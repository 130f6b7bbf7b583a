"""Metrics of a result, and how sure they are. Pure functions on what was counted."""
