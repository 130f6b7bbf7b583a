"""The comparisons: each method with `parallel` on the same prompts, and with the publication."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from eager.evaluation.statistics import Interval, Table, paired_difference, saving
from eager.report.tables.published import PublishedFigures
from eager.util.errors import EagerError

BASELINE = "parallel"
DIFFERENCES = {
    "pass_at_k": "solved",
    "cons_at_max": "majority_correct",
    "pass_rate": "share_correct",
}
FLAGS = {"pass_at_k", "cons_at_max"}
ENGINE_COSTS = ("computed_tokens", "engine_seconds")

FIGURES = {
    "pass_at_k": "pass_at_k",
    "pass_at_k_upstream": "pass_at_k",
    "tokens_per_prompt": "tokens_per_prompt",
    "tokens_upstream_per_prompt": "tokens_per_prompt",
}
"""Our figures and the published one each is put beside: ours by our rules and by the authors'."""

Result = tuple[Mapping[str, Any], str, Mapping[str, Any]]
"""A cell's parameters, a method, and its metrics."""


def compare_with_baseline(results: Sequence[Result]) -> pd.DataFrame:
    """One row per cell and method but `parallel`; several seeds of a cell add a row over all.

    Raises:
        EagerError: a method and `parallel` were not measured on the same prompts.
    """
    found = {(_key(cell), method): metrics for cell, method, metrics in results}
    rows: list[dict[str, Any]] = []
    families: dict[tuple[Any, ...], list[tuple[Mapping[str, Any], str]]] = {}
    for cell, method, metrics in results:
        baseline = found.get((_key(cell), BASELINE))
        if method == BASELINE or baseline is None or not metrics["per_prompt"]:
            continue
        rows.append({**cell, "method": method, **_compare([(metrics, baseline)])})
        family = (_key({**cell, "seed": "all"}), method)
        families.setdefault(family, []).append((cell, method))
    for members in families.values():
        if len(members) > 1:
            cell, method = members[0]
            pairs = [(found[_key(c), method], found[_key(c), BASELINE]) for c, _ in members]
            rows.append({**cell, "seed": "all", "method": method, **_compare(pairs)})
    return pd.DataFrame(rows)


def _key(cell: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(sorted(cell.items()))


def _compare(pairs: list[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> dict[str, Any]:
    """The figures of one row, from (metrics of the method, metrics of `parallel`) a seed."""
    prompts = list(pairs[0][0]["per_prompt"])
    for metrics in (metrics for pair in pairs for metrics in pair):
        if set(metrics["per_prompt"]) != set(prompts):
            raise EagerError(
                "a method and parallel were measured on different prompts; generate both from "
                "the same data set"
            )

    def table(value: str, which: int) -> Table:
        return np.array(
            [[float(pair[which]["per_prompt"][p][value]) for pair in pairs] for p in prompts]
        )

    row: dict[str, Any] = {"prompts": len(prompts)}
    for name, value in DIFFERENCES.items():
        result = paired_difference(table(value, 0), table(value, 1), flags=name in FLAGS)
        row |= with_bounds(f"{name}_difference", result.value, result.interval)
        row[f"{name}_p_value"] = result.p_value
    own, bounds = saving(table("tokens", 0), table("tokens", 1))
    row |= with_bounds("tokens_saved", own, bounds)
    theirs, bounds = saving(table("tokens_upstream", 0), table("tokens_upstream", 1))
    row |= with_bounds("tokens_upstream_saved", theirs, bounds)
    row["saved_by_the_unit"] = theirs - own
    for cost in ENGINE_COSTS:
        used, reference = (sum(pair[which][cost] for pair in pairs) for which in (0, 1))
        row[f"{cost}_saved"] = 1 - used / reference if reference and used else None
    return row


def with_bounds(
    name: str, value: float | None, interval: Interval | list[float] | None
) -> dict[str, Any]:
    """A figure and its bounds as three columns; no interval: empty bounds."""
    low, high = interval or (None, None)
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def compare_with_published(results: list[Result], facts: list[PublishedFigures]) -> pd.DataFrame:
    """One row per cell, method and figure: ours with interval, theirs, difference, inside or not.

    Where nothing is published the columns of theirs are empty.
    """
    known = {fact.key: fact for fact in facts}
    rows = []
    for cell, method, metrics in results:
        fact = known.get((cell["model"], cell["dataset"], method, cell["max_sequences"]))
        for figure, counterpart in FIGURES.items():
            interval = metrics["intervals"][figure]
            ours = metrics[figure]
            published = getattr(fact, counterpart) if fact else None
            comparable = published is not None and ours is not None
            rows.append(
                {
                    **cell,
                    "method": method,
                    "figure": figure,
                    **with_bounds("ours", ours, interval),
                    "published": published,
                    "difference": ours - published if comparable else None,
                    "inside_our_interval": _inside(published, interval),
                    "source": fact.source if fact and published is not None else None,
                }
            )
    return pd.DataFrame(rows)


def _inside(published: float | None, interval: list[float] | None) -> bool | None:
    if published is None or interval is None:
        return None
    return interval[0] <= published <= interval[1]
