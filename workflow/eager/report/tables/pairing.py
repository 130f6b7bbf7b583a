"""Which results are compared with which: a method and Full Parallel, seed by seed, set by set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from eager.evaluation.measure import sequences_of
from eager.evaluation.statistics.equal_compute import PairedResult
from eager.evaluation.statistics.inference import Table
from eager.evaluation.statistics.parallel_curve import PromptCurve, prompt_curve
from eager.util.errors import EagerError

BASELINE = "parallel"
QUALITIES = {
    "pass_at_k": "solved",
    "cons_at_max": "majority_correct",
    "pass_rate": "share_correct",
    "distinct_answers": "distinct_answers",
}
"""Figures that Full Parallel's curve has, and the value per prompt that each is the mean of."""
ALL = "all"

Result = tuple[Mapping[str, Any], str, Mapping[str, Any]]
"""A cell's parameters, a method, and its metrics."""


class Baseline:
    """metrics.json of Full Parallel, with its curve of every prompt, which many rows ask for."""

    def __init__(self, metrics: Mapping[str, Any]) -> None:
        self.metrics = metrics

    @cached_property
    def curves(self) -> dict[str, PromptCurve]:
        """By prompt."""
        prompts = self.metrics["per_prompt"]
        return {name: prompt_curve(sequences_of(self.metrics, name)) for name in prompts}


class Pair(NamedTuple):
    """A method's metrics.json and Full Parallel's, with one seed."""

    method: Mapping[str, Any]
    baseline: Baseline

    @property
    def both(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Both metrics.json."""
        return self.method, self.baseline.metrics


@dataclass(frozen=True)
class Comparison:
    """One row of the comparison.

    Attributes:
        cell: its parameters; `all` where it pools seeds or data sets.
        method: the method.
        strata: a data set each, with a pair per seed.
    """

    cell: Mapping[str, Any]
    method: str
    strata: tuple[tuple[Pair, ...], ...]

    @property
    def is_pooled(self) -> bool:
        """Whether it repeats what other rows say of single seeds and data sets."""
        return ALL in (self.cell.get("seed"), self.cell.get("dataset"))


def comparisons(results: Sequence[Result]) -> list[Comparison]:
    """Each method with `parallel` in its cell, then over all seeds, then over all data sets.

    A cell without `parallel`, or without prompts, has no row. Rows over all data sets of a model
    have each data set once; where a data set was run with several thresholds they are per
    threshold.

    Raises:
        EagerError: a method and `parallel` were not measured on the same prompts.
    """
    found = {_key(cell): Baseline(m) for cell, method, m in results if method == BASELINE}
    single = []
    for cell, method, metrics in results:
        baseline = found.get(_key(cell))
        if method != BASELINE and baseline is not None and metrics["per_prompt"]:
            single.append(Comparison(cell, method, (_checked([Pair(metrics, baseline)]),)))
    seeds = [
        Comparison({**cell, "seed": ALL}, rows[0].method, (_checked(_pairs(rows)),))
        for cell, rows in _families(single, "seed")
        if len(rows) > 1
    ]
    return [*single, *seeds, *_over_data_sets([*single, *seeds])]


def paired_result(row: Comparison, stratum: int, quality: str, cost: str) -> PairedResult:
    """One data set of a row as tables of prompts and seeds.

    Args:
        row: the row.
        stratum: which of its data sets.
        quality: one of `QUALITIES`.
        cost: `tokens`, known per prompt, or a figure of the whole result, which is shared evenly.
    """
    pairs = row.strata[stratum]
    prompts = list(pairs[0].method["per_prompt"])
    value = QUALITIES[quality]
    samples = values(pairs, prompts, 1, "sequences")
    costs = [values(pairs, prompts, which, cost) for which in (0, 1)]
    largest = int(samples.min())
    curve = np.array(
        [
            [getattr(pair.baseline.curves[prompt], quality)[: largest + 1] for pair in pairs]
            for prompt in prompts
        ]
    )
    return PairedResult(
        values(pairs, prompts, 0, value),
        values(pairs, prompts, 1, value),
        curve,
        costs[0],
        costs[1] / samples,
    )


def values(pairs: Sequence[Pair], prompts: Sequence[str], which: int, name: str) -> Table:
    """A value of every prompt and seed; one known only of the whole result is shared evenly."""
    measured = [pair.both[which] for pair in pairs]
    if name not in measured[0]["per_prompt"][prompts[0]]:
        shares = [float(metrics[name]) / len(prompts) for metrics in measured]
        return np.tile(np.array(shares), (len(prompts), 1))
    return np.array([[float(m["per_prompt"][p][name]) for m in measured] for p in prompts])


def _over_data_sets(rows: list[Comparison]) -> list[Comparison]:
    pooled = []
    for cell, family in _families(rows, "dataset", "entropy_threshold"):
        sets = [row.cell.get("dataset") for row in family]
        groups = [(cell, family)] if len(set(sets)) == len(sets) else _families(family, "dataset")
        for shared, members in groups:
            if len(members) < 2:
                continue
            thresholds = {row.cell.get("entropy_threshold") for row in members}
            threshold = thresholds.pop() if len(thresholds) == 1 else ALL
            # In the order of a row's columns, which the cell has.
            place = {**shared, "dataset": ALL, "entropy_threshold": threshold}
            place = {name: place[name] for name in members[0].cell if name in place}
            strata = tuple(row.strata[0] for row in members)
            pooled.append(Comparison(place, members[0].method, strata))
    return pooled


def _families(
    rows: Sequence[Comparison], *but: str
) -> list[tuple[Mapping[str, Any], list[Comparison]]]:
    """Rows of one method whose cells differ in nothing but the given parameters."""
    families: dict[Any, list[Comparison]] = {}
    for row in rows:
        shared = {name: value for name, value in row.cell.items() if name not in but}
        families.setdefault((row.method, _key(shared)), []).append(row)
    return [(family[0].cell, family) for family in families.values()]


def _pairs(rows: list[Comparison]) -> list[Pair]:
    return [pair for row in rows for pair in row.strata[0]]


def _key(cell: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(sorted(cell.items()))


def _checked(pairs: list[Pair]) -> tuple[Pair, ...]:
    prompts = set(pairs[0].method["per_prompt"])
    if any(set(metrics["per_prompt"]) != prompts for pair in pairs for metrics in pair.both):
        raise EagerError(
            "a method and parallel were measured on different prompts; generate both from "
            "the same data set"
        )
    return tuple(pairs)
