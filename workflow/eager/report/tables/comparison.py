"""The comparisons: each method with `parallel` on the same prompts, and with the publication."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from eager.evaluation.statistics.equal_compute import (
    compare_as_measured,
    compare_at_equal_cost,
    cost_saved,
)
from eager.evaluation.statistics.inference import Interval, paired_difference, saving
from eager.evaluation.statistics.resampling import Estimate, holm, prompts_to_decide
from eager.report.tables.pairing import (
    QUALITIES,
    Comparison,
    Result,
    comparisons,
    paired_result,
    values,
)
from eager.report.tables.published import PublishedFigures

DIFFERENCES = ("pass_at_k", "cons_at_max", "pass_rate")
FLAGS = {"pass_at_k", "cons_at_max"}
ENGINE_COSTS = ("computed_tokens", "engine_seconds")
COSTS = ("tokens", *ENGINE_COSTS)
SHOWN_AT_EQUAL_TOKENS = {
    "equal_tokens_samples",
    *(f"{quality}_equal_tokens_difference" for quality in QUALITIES),
    *(f"pass_at_k_equal_tokens{kind}_p_value" for kind in ("", "_holm")),
    "pass_at_k_prompts_to_decide",
    *(f"pass_at_k_equal_{cost}_difference" for cost in ENGINE_COSTS),
}
"""Of the columns at equal cost those for people; the CSV file has all."""


FIGURES = {
    "pass_at_k": "pass_at_k",
    "pass_at_k_upstream": "pass_at_k",
    "tokens_per_prompt": "tokens_per_prompt",
    "tokens_upstream_per_prompt": "tokens_per_prompt",
}
"""Our figures and the published one each is put beside: ours by our rules and by the authors'."""


def compare_with_baseline(results: Sequence[Result]) -> pd.DataFrame:
    """One row per cell and method but `parallel`, and rows over all seeds and all data sets.

    p-values at equal tokens stand there a second time, adjusted by Holm for the number of rows;
    rows that pool others are counted on their own.

    Raises:
        EagerError: a method and `parallel` were not measured on the same prompts.
    """
    found = comparisons(results)
    rows: list[dict[str, Any]] = [
        {**row.cell, "method": row.method, **_as_measured(row), **_at_equal_cost(row)}
        for row in found
    ]
    for pooled in (False, True):
        chosen = [row for row, one in zip(rows, found, strict=True) if one.is_pooled == pooled]
        for quality in QUALITIES:
            name = f"{quality}_equal_tokens"
            adjusted = holm([row[f"{name}_p_value"] for row in chosen])
            for row, p_value in zip(chosen, adjusted, strict=True):
                row[f"{name}_holm_p_value"] = p_value
    return pd.DataFrame(rows)


def _as_measured(row: Comparison) -> dict[str, Any]:
    """Differences and savings against all of Full Parallel's samples."""
    one = len(row.strata) == 1
    figures: dict[str, Any] = {"prompts": sum(len(s[0].method["per_prompt"]) for s in row.strata)}
    for name in DIFFERENCES:
        tables = [paired_result(row, n, name, "tokens") for n in range(len(row.strata))]
        if one:
            found = paired_difference(tables[0].quality, tables[0].baseline, flags=name in FLAGS)
            figures |= with_bounds(f"{name}_difference", found.value, found.interval)
            figures[f"{name}_p_value"] = found.p_value
        else:
            pooled = compare_as_measured(tables)
            figures |= with_bounds(f"{name}_difference", pooled.value, pooled.interval)
            figures[f"{name}_p_value"] = pooled.p_value
    for name in ("tokens", "tokens_upstream"):
        value, interval = _saved(row, name)
        figures |= with_bounds(f"{name}_saved", value, interval)
    figures["saved_by_the_unit"] = figures["tokens_upstream_saved"] - figures["tokens_saved"]
    for cost in ENGINE_COSTS:
        shares = []
        for stratum in row.strata:
            used, reference = (sum(pair.both[which][cost] for pair in stratum) for which in (0, 1))
            shares.append(1 - used / reference if reference and used else None)
        known = [share for share in shares if share is not None]
        figures[f"{cost}_saved"] = float(np.mean(known)) if len(known) == len(shares) else None
    return figures


def _saved(row: Comparison, cost: str) -> tuple[float, Interval | None]:
    both = []
    for pairs in row.strata:
        prompts = list(pairs[0].method["per_prompt"])
        both.append((values(pairs, prompts, 0, cost), values(pairs, prompts, 1, cost)))
    if len(both) == 1:
        return saving(*both[0])
    found = cost_saved([method for method, _ in both], [baseline for _, baseline in both])
    return found.value, found.interval


def _at_equal_cost(row: Comparison) -> dict[str, Any]:
    """Differences from as many of Full Parallel's samples as cost the same; else empty."""
    figures: dict[str, Any] = {}
    for cost, quality in product(COSTS, QUALITIES):
        if cost == "tokens" or quality in DIFFERENCES:
            tables = [paired_result(row, n, quality, cost) for n in range(len(row.strata))]
            found = compare_at_equal_cost(tables)
            name = f"{quality}_equal_{cost}"
            figures[f"equal_{cost}_samples"] = found.samples if found else None
            figures[f"{quality}_at_equal_{cost}"] = found.baseline if found else None
            figures |= _with_estimate(name, found.difference if found else None)
            if cost == "tokens":
                figures[f"{name}_holm_p_value"] = None
                figures[f"{quality}_prompts_to_decide"] = found and prompts_to_decide(
                    sum(len(table.quality) for table in tables),
                    found.difference.value,
                    found.difference.error,
                )
    return figures


def only_in_csv(table: pd.DataFrame) -> list[str]:
    """Columns of the comparison that people do not need."""
    columns = [str(name) for name in table.columns]
    later = columns[columns.index("equal_tokens_samples") :] if columns else []
    return [name for name in later if name not in SHOWN_AT_EQUAL_TOKENS]


def _with_estimate(name: str, found: Estimate | None) -> dict[str, Any]:
    value, interval, p_value, _ = found or (None, None, None, None)
    return {**with_bounds(f"{name}_difference", value, interval), f"{name}_p_value": p_value}


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
