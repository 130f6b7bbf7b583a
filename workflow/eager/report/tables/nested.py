"""The table of Full Parallel at several M: what a smaller M loses against the largest.

The samples of a smaller M are the first of a larger one, so the results are paired by prompt and by
sample: their differences vary less than those of results that were drawn apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from eager.evaluation.measure import sequences_of
from eager.evaluation.statistics.inference import Table, paired_difference
from eager.report.tables.comparison import DIFFERENCES, FLAGS, with_bounds
from eager.report.tables.curve import OF_BRANCHING
from eager.report.tables.pairing import BASELINE, QUALITIES, Result

Metrics = Mapping[str, Any]


def nested_samples(results: Sequence[Result]) -> pd.DataFrame:
    """A row per result of Full Parallel beside which there is one with a larger M.

    `nested` says whether its samples really are the first of the other's; results that were
    imported may be drawn apart.
    """
    rows = []
    for place, by_cap in _pools(results):
        largest = max(by_cap)
        for cap in sorted(by_cap.keys() - {largest}):
            pair = by_cap[cap], by_cap[largest]
            if pair[0]["per_prompt"] and _same_prompts(*pair):
                row = {**place, "max_sequences": cap, "method": BASELINE, "beside": largest}
                rows.append(row | {"nested": _is_nested(*pair)} | _differences(*pair))
    return pd.DataFrame(rows)


def _pools(results: Sequence[Result]) -> Iterator[tuple[dict[str, Any], dict[int, Metrics]]]:
    """Results of Full Parallel by M, for each combination of what else decides a sample."""
    pools: dict[tuple[Any, ...], tuple[dict[str, Any], dict[int, Metrics]]] = {}
    for cell, method, metrics in results:
        if method == BASELINE:
            place = {name: value for name, value in cell.items() if name not in OF_BRANCHING}
            cap = place["max_sequences"]
            shared = tuple(value for name, value in place.items() if name != "max_sequences")
            pools.setdefault(shared, (place, {}))[1].setdefault(cap, metrics)
    yield from pools.values()


def _same_prompts(one: Metrics, other: Metrics) -> bool:
    return bool(one["per_prompt"].keys() == other["per_prompt"].keys())


def _is_nested(smaller: Metrics, larger: Metrics) -> bool:
    """By length and verdict of each sample; answers are numbered within a result."""

    def samples(metrics: Metrics, prompt: str) -> list[tuple[int, bool]]:
        return [(one.tokens, one.correct) for one in sequences_of(metrics, prompt)]

    pairs = [(samples(smaller, p), samples(larger, p)) for p in smaller["per_prompt"]]
    return all(ours == theirs[: len(ours)] for ours, theirs in pairs)


def _differences(smaller: Metrics, larger: Metrics) -> dict[str, Any]:
    figures: dict[str, Any] = {"prompts": len(smaller["per_prompt"])}
    for name in DIFFERENCES:
        ours, theirs = (_column(metrics, QUALITIES[name]) for metrics in (smaller, larger))
        found = paired_difference(ours, theirs, flags=name in FLAGS)
        figures |= with_bounds(f"{name}_difference", found.value, found.interval)
        figures[f"{name}_p_value"] = found.p_value
    tokens = [float(_column(metrics, "tokens").sum()) for metrics in (smaller, larger)]
    figures["tokens_saved"] = 1 - tokens[0] / tokens[1] if tokens[1] else None
    return figures


def _column(metrics: Metrics, name: str) -> Table:
    return np.array([[float(row[name])] for row in metrics["per_prompt"].values()])
