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


def share_of(counts: Mapping[str, float], part: int, whole: int) -> Counts:
    """Counts in proportion to the tokens of a part of what was generated; `tokens` are its own."""
    share = part / max(whole, 1)
    scaled = {
        name: round(count * share) if isinstance(count, int) else count * share
        for name, count in counts.items()
    }
    return scaled | ({"tokens": part} if "tokens" in counts else {})
