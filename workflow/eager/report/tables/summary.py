"""The summary: the figures of every method in a cell, a row each; and a row per seed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eager.config.experiment import Target
from eager.evaluation.measure import INTERVALS, interval_of
from eager.report.tables.comparison import Row, identity, with_bounds
from eager.report.tables.pairing import (
    BASELINE,
    OF_BRANCHING,
    Pooled,
    Result,
    baselines_of,
)
from eager.report.tables.thresholds import sweep_columns
from eager.util.files import read_json

RELATIVE = ("tokens", "tokens_upstream", "sequences", "pass_at_k")
METRICS = [
    "prompts",
    "pass_at_k",
    "cons_at_max",
    "pass_rate",
    "pass_at_k_upstream",
    "cons_at_max_upstream",
    "pass_rate_upstream",
    "distinct_answers_per_sequence",
    "distinct_answers_per_1000_tokens",
    "sequences",
    "tokens",
    "tokens_upstream",
    "tokens_per_prompt",
]
ONLY_IN_CSV = [
    *("pass_at_k_upstream", "cons_at_max_upstream", "pass_rate_upstream", "sequences_relative"),
]
OF_SEEDS = ["seeds", "pass_at_k_between_seeds"]
"""Columns that say something where several seeds are pooled."""
EQUAL_TOKENS = [f"pass_at_k_equal_tokens_difference{end}" for end in ("", "_low", "_high")]


def read_results(targets: Sequence[Target]) -> list[Result]:
    """Cell, method and metrics of each result, in the order of the targets."""
    paths = dict.fromkeys(target.metrics for target in targets)
    metrics = {path: read_json(Path(path)) for path in paths}
    return [(target.cell, target.method, metrics[target.metrics]) for target in targets]


def summarize(results: Sequence[Pooled], comparison: Sequence[Row]) -> list[dict[str, Any]]:
    """One row per cell and method, in the order given.

    Relative columns compare a method with `parallel` in the same cell; they are empty where
    `parallel` was not run or is zero. Totals of several seeds are means over them.

    Args:
        results: with all their seeds, or of one seed each.
        comparison: of the same results, for the difference in Pass@k at equal tokens.
    """
    compared = {identity(row): row for row in comparison}
    records = []
    for one, baseline in zip(results, baselines_of(results), strict=True):
        record: dict[str, Any] = {**one.cell, "method": one.method, "seeds": len(one.seeds)}
        for name in METRICS:
            if name in INTERVALS:
                value = INTERVALS[name]
                record |= with_bounds(name, one.total(name), interval_of(value, one.values(value)))
            else:
                record[name] = one.total(name)
        of_seeds = [metrics["pass_at_k"] for metrics in one.seeds.values()]
        spread = float(np.std(of_seeds, ddof=1)) if len(of_seeds) > 1 and one.prompts else None
        record["pass_at_k_between_seeds"] = spread
        for name in RELATIVE:
            record[f"{name}_relative"] = relative(one, baseline, name)
        row = compared.get(identity(record), {})
        records.append(record | {name: row.get(name) for name in EQUAL_TOKENS})
    for record, columns in zip(records, sweep_columns(results), strict=True):
        record.update(columns)
    return records


def relative(one: Pooled, baseline: Pooled | None, name: str) -> float | None:
    """A figure over that of Full Parallel; None where one is not known, or that one is zero."""
    value, reference = one.total(name), baseline and baseline.total(name)
    return value / reference if reference and value is not None else None


def parallel_curves(results: Sequence[Pooled]) -> list[dict[str, Any]]:
    """A row per result of Full Parallel and number of samples k: what k of its M samples reach.

    Cells that differ in how the other methods branch share their result, and its rows.
    """
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for one in results:
        place = {name: value for name, value in one.cell.items() if name not in OF_BRANCHING}
        for point in one.curve_points() if one.method == BASELINE else []:
            figures: dict[str, Any] = {}
            for name, value in point.items():
                if name in point["intervals"]:
                    figures |= with_bounds(name, value, point["intervals"][name])
                elif name != "intervals":
                    figures[name] = value
            row = {**place, "method": one.method, **figures}
            rows.setdefault((*place.values(), point["samples"]), row)
    return list(rows.values())
