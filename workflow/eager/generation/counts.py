"""Counts of what an engine has done: names with numbers, which add up."""

from __future__ import annotations

from collections.abc import Mapping

Counts = dict[str, float]


def added(*parts: Mapping[str, float]) -> Counts:
    """The sum of counts name by name; a name that a part lacks counts 0 there."""
    total: Counts = {}
    for part in parts:
        for name, count in part.items():
            total[name] = total.get(name, 0) + count
    return total
