"""Which results belong together: the seeds of a method, and two methods on the same prompts."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean
from typing import Any

import numpy as np

from eager.evaluation.measure import sequences_of
from eager.evaluation.statistics.equal_compute import PairedResult
from eager.evaluation.statistics.inference import Table
from eager.evaluation.statistics.parallel_curve import mean_curve, prompt_curve
from eager.report.results import ALL
from eager.util.errors import EagerError

BASELINE = "parallel"
QUALITIES = {
    "pass_at_k": "solved",
    "cons_at_max": "majority_correct",
    "pass_rate": "share_correct",
    "distinct_answers": "distinct_answers",
}
"""Figures that Full Parallel's curve has, and the value per prompt that each is the mean of."""
OF_BRANCHING = ("entropy_threshold", "rule")
"""Parameters that Full Parallel does not know."""

MetricsFile = Mapping[str, Any]
Result = tuple[Mapping[str, Any], str, MetricsFile]
"""A cell's parameters, a method, and its metrics."""


@dataclass(frozen=True)
class Pooled:
    """A method in a cell, over all its seeds.

    Attributes:
        cell: its parameters; `seed` is `all` where there are several.
        method: the method.
        seeds: its metrics.json by seed, all of the same prompts.
    """

    cell: Mapping[str, Any]
    method: str
    seeds: Mapping[Any, MetricsFile]

    @property
    def prompts(self) -> list[str]:
        """Ids of the prompts, in their order."""
        return list(next(iter(self.seeds.values()))["per_prompt"])

    def values(self, name: str) -> Table:
        """A value of every prompt (row) and seed (column)."""
        per_seed = [metrics["per_prompt"] for metrics in self.seeds.values()]
        return np.array([[float(rows[p][name]) for rows in per_seed] for p in self.prompts])

    def total(self, name: str) -> float | None:
        """A figure of the whole result, mean over seeds; None where a seed does not have it."""
        values = [metrics.get(name) for metrics in self.seeds.values()]
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            return None
        return known[0] if len(set(known)) == 1 else fmean(known)

    def curve_points(self) -> list[dict[str, Any]]:
        """Of Full Parallel, what k = 1..M samples reach, over all seeds."""
        per_seed = list(self.seeds.values())
        if len(per_seed) == 1:
            return list(per_seed[0].get("parallel_curve", ()))
        if not self.prompts:
            return []
        return mean_curve([[sequences_of(m, p) for p in self.prompts] for m in per_seed])

    @cached_property
    def curves(self) -> dict[str, Table]:
        """Of Full Parallel, per quality what k = 0..M samples reach: (prompts, seeds, M + 1)."""
        found = [
            [prompt_curve(sequences_of(metrics, prompt)) for metrics in self.seeds.values()]
            for prompt in self.prompts
        ]
        fewest = min(len(curve.pass_at_k) for row in found for curve in row)
        return {
            name: np.array([[getattr(curve, name)[:fewest] for curve in row] for row in found])
            for name in QUALITIES
        }


@dataclass(frozen=True)
class Comparison:
    """A method and another one, each row of a table.

    Attributes:
        cell: their parameters; `all` where it pools seeds or data sets.
        method: name of the first one.
        strata: a data set each, with both methods on the same prompts and seeds.
    """

    cell: Mapping[str, Any]
    method: str
    strata: tuple[tuple[Pooled, Pooled], ...]

    @property
    def prompts(self) -> int:
        """How many, in all data sets."""
        return sum(len(method.prompts) for method, _ in self.strata)

    @property
    def seeds(self) -> int:
        """How many every data set has at least."""
        return min(len(method.seeds) for method, _ in self.strata)


def pool_seeds(results: Iterable[Result]) -> list[Pooled]:
    """Results that differ in the seed alone as one, in the order given.

    Raises:
        EagerError: seeds were measured on different prompts.
    """
    found: dict[Hashable, Pooled] = {}
    for cell, method, metrics in results:
        key = method, key_of(cell, "seed")
        known = found.setdefault(key, Pooled(cell, method, {}))
        pooled = {**known.seeds, cell.get("seed"): metrics}
        place = {**cell, "seed": ALL} if len(pooled) > 1 else cell
        _check_prompts(pooled.values())
        found[key] = Pooled(place, method, pooled)
    return list(found.values())


def each_seed(results: Iterable[Result]) -> list[Pooled]:
    """Results as they are, for tables with a row per seed."""
    return [Pooled(cell, method, {cell.get("seed"): metrics}) for cell, method, metrics in results]


def compare(method: Pooled, other: Pooled) -> Comparison | None:
    """A pair of methods on the seeds that both have; None where they have none, or no prompts.

    Raises:
        EagerError: they were measured on different prompts.
    """
    common = [seed for seed in method.seeds if seed in other.seeds]
    if not common or not method.prompts:
        return None
    _check_prompts([*method.seeds.values(), *other.seeds.values()])
    pair = tuple(
        one if list(one.seeds) == common else replace(one, seeds={s: one.seeds[s] for s in common})
        for one in (method, other)
    )
    return Comparison(method.cell, method.method, ((pair[0], pair[1]),))


def key_of(cell: Mapping[str, Any], *but: str) -> Hashable:
    """What a cell is known by: its parameters, without the given ones."""
    return tuple(sorted((name, value) for name, value in cell.items() if name not in but))


def with_baseline(pooled: Sequence[Pooled]) -> list[Comparison]:
    """Each method with Full Parallel in its cell, then over all data sets.

    A cell without Full Parallel, or without prompts, has no row. Rows over all data sets of a
    model have each data set once; where a data set was run with several thresholds they are per
    threshold.

    Raises:
        EagerError: a method and Full Parallel were not measured on the same prompts.
    """
    pairs = zip(pooled, baselines_of(pooled), strict=True)
    found = [compare(one, other) for one, other in pairs if other and one.method != BASELINE]
    rows = [row for row in found if row is not None]
    return [*rows, *_over_data_sets(rows)]


def baselines_of(pooled: Sequence[Pooled]) -> list[Pooled | None]:
    """Full Parallel in the cell of each result, with a seed that it has; None: it was not run."""
    known = {
        (key_of(one.cell, "seed"), seed): one
        for one in pooled
        if one.method == BASELINE
        for seed in one.seeds
    }
    places = [[(key_of(one.cell, "seed"), seed) for seed in one.seeds] for one in pooled]
    return [next((known[p] for p in some if p in known), None) for some in places]


def paired_result(method: Pooled, baseline: Pooled, quality: str) -> PairedResult:
    """A method and Full Parallel as tables of prompts and seeds; the cost is tokens."""
    name, samples = QUALITIES[quality], baseline.values("sequences")
    curve = baseline.curves[quality]
    return PairedResult(
        method.values(name),
        curve,
        method.values("tokens"),
        baseline.values("tokens") / samples,
        largest=curve.shape[-1] - 1 if quality == "distinct_answers" else 1,
    )


def _over_data_sets(rows: list[Comparison]) -> list[Comparison]:
    pooled = []
    for family in _families(rows, "dataset", "entropy_threshold"):
        sets = [row.cell.get("dataset") for row in family]
        groups = [family] if len(set(sets)) == len(sets) else _families(family, "dataset")
        for members in groups:
            if len(members) > 1:
                thresholds = {row.cell.get("entropy_threshold") for row in members}
                threshold = thresholds.pop() if len(thresholds) == 1 else ALL
                # In the order of a row's columns.
                place = {**members[0].cell, "dataset": ALL, "entropy_threshold": threshold}
                place = {name: place[name] for name in members[0].cell}
                strata = tuple(row.strata[0] for row in members)
                pooled.append(Comparison(place, members[0].method, strata))
    return pooled


def _families(rows: Sequence[Comparison], *but: str) -> list[list[Comparison]]:
    """Rows of one method whose cells differ in nothing but the given parameters."""
    families: dict[Hashable, list[Comparison]] = {}
    for row in rows:
        families.setdefault((row.method, key_of(row.cell, *but)), []).append(row)
    return list(families.values())


def _check_prompts(measured: Iterable[MetricsFile]) -> None:
    if len({frozenset(metrics["per_prompt"]) for metrics in measured}) > 1:
        raise EagerError(
            "a method and parallel, or two seeds, were measured on different prompts; generate "
            "both from the same data set"
        )
