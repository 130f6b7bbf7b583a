"""How sure a figure is: bootstrap intervals, paired differences, p-values; seeded.

Values are tables with a row per prompt and a column per seed; a result with one seed is one column.
Resampling draws prompts, and seeds as well where there are several: the resamples of
`scipy.stats.bootstrap`, but drawn once for all results of a size, whose means are then products of
matrices.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Table = NDArray[np.float64]
Counts = NDArray[np.uint16]
Statistic = Callable[..., Table]

CONFIDENCE = 0.95
RESAMPLES = 5000
BATCH = 500
"""Resamples that are drawn, and whose means are computed, at once."""
SEED = 55
"""The intervals' own seed: the same results give the same intervals."""
DIGITS = 12


class Interval(NamedTuple):
    """Bounds of a 95 % percentile bootstrap interval, in the unit of the value."""

    low: float
    high: float


class Difference(NamedTuple):
    """A method minus its baseline on the same prompts.

    Attributes:
        value: difference of the means over prompts and seeds.
        interval: of the difference; None for a single prompt.
        p_value: two-sided, of no difference; None for a single prompt with values other than
            right and wrong.
    """

    value: float
    interval: Interval | None
    p_value: float | None


def mean_interval(values: Table) -> Interval | None:
    """Interval of the mean; None for a single prompt, which says nothing of other prompts."""
    return _interval(_bootstrap(lambda mean: mean, values))


def mean_intervals(values: Table) -> list[Interval | None]:
    """Interval of the mean of each column; a row per prompt, all columns drawn together."""
    if len(values) < 2:
        return [None] * values.shape[1]
    bounds = percentile_bounds(resample_means(values[:, None, :], *_drawn(len(values), 1)))
    return [Interval(float(low), float(high)) for low, high in bounds.T]


def percentile_bounds(distribution: Table) -> Table:
    """Lower and upper bound of the 95 % percentile interval over the first axis."""
    tail = 100 * (1 - CONFIDENCE) / 2
    return np.asarray(np.percentile(distribution, [tail, 100 - tail], axis=0))


def resample_means(values: Table, drawn: Counts, drawn_seeds: Counts) -> Table:
    """Means over prompts and seeds in every resample.

    Args:
        values: shape (prompts, seeds, quantities).
        drawn: how often each prompt is drawn; shape (resamples, prompts).
        drawn_seeds: how often each seed is drawn; shape (resamples, seeds).

    Returns:
        Shape (resamples, quantities).
    """
    prompts, seeds, quantities = values.shape
    flat = values.reshape(prompts, -1)
    means = np.empty((len(drawn), quantities))
    # In batches: all resamples of many seeds would not fit into memory.
    for start in range(0, len(drawn), BATCH):
        part = slice(start, start + BATCH)
        sums = drawn[part].astype(float) @ flat
        if seeds > 1:
            per_seed = sums.reshape(-1, seeds, quantities)
            sums = np.einsum("rsq,rs->rq", per_seed, drawn_seeds[part].astype(float))
        means[part] = sums / (prompts * seeds)
    return means


def paired_difference(method: Table, baseline: Table, *, flags: bool) -> Difference:
    """Compare two results on the same prompts (and seeds).

    Args:
        method: its values.
        baseline: those of the same prompts and seeds under the baseline.
        flags: the values are 0 or 1; with one seed the p-value is then McNemar's, exact. Seeds
            of one prompt are not independent, so with several it is the bootstrap's.

    Raises:
        ValueError: the tables differ in shape or are empty.
    """
    _check(method, baseline)
    distribution = _bootstrap(lambda m, b: m - b, method, baseline)
    if flags and method.shape[1] == 1:
        p_value: float | None = exact_mcnemar(method[:, 0] > 0, baseline[:, 0] > 0)
    else:
        p_value = None if distribution is None else bootstrap_p(distribution)
    return Difference(float(method.mean() - baseline.mean()), _interval(distribution), p_value)


def saving(method: Table, baseline: Table) -> tuple[float, Interval | None]:
    """Share of the baseline's total that the method does without, with its interval.

    Raises:
        ValueError: the tables differ in shape or are empty, or the baseline used nothing.
    """
    _check(method, baseline)
    if not baseline.sum() > 0:
        raise ValueError("a saving needs a baseline that used something")
    share = float(1 - method.sum() / baseline.sum())
    return share, _interval(_bootstrap(lambda m, b: 1 - m / b, method, baseline))


def exact_mcnemar(method: NDArray[np.bool_], baseline: NDArray[np.bool_]) -> float:
    """Exact McNemar test: p-value of both being right equally often on the same prompts.

    It is the binomial test on the prompts where they differ; 1 where they never do.
    """
    better = int(np.sum(method & ~baseline))
    worse = int(np.sum(~method & baseline))
    return float(stats.binomtest(better, better + worse).pvalue) if better + worse else 1.0


def _check(method: Table, baseline: Table) -> None:
    if method.shape != baseline.shape or method.size == 0:
        raise ValueError(
            f"paired values must be of the same prompts: {method.shape} and {baseline.shape}"
        )


def _bootstrap(statistic: Statistic, *tables: Table) -> Table | None:
    """A function of the tables' means in every resample; None for a single prompt."""
    prompts, seeds = tables[0].shape
    if prompts < 2:
        return None
    means = resample_means(np.stack(tables, axis=-1), *_drawn(prompts, seeds))
    # No difference is no difference, whatever the last digit of a sum says.
    return np.round(statistic(*means.T), DIGITS)


@lru_cache(maxsize=16)
def _drawn(prompts: int, seeds: int) -> tuple[Counts, Counts]:
    """How often each prompt and each seed is drawn, a row per resample, in scipy's order."""
    rng = np.random.default_rng(SEED)
    sizes = [prompts] + ([seeds] if seeds > 1 else [])
    batches = [
        [_counted(rng.integers(0, size, (BATCH, size))) for size in sizes]
        for _ in range(RESAMPLES // BATCH)
    ]
    drawn = [np.concatenate(parts) for parts in zip(*batches, strict=True)]
    return drawn[0], drawn[1] if seeds > 1 else np.ones((RESAMPLES, 1), np.uint16)


def _counted(indices: NDArray[np.int64]) -> Counts:
    """How often each of 0..n-1 stands in each row of n indices."""
    rows, many = indices.shape
    places = indices + many * np.arange(rows)[:, None]
    counts = np.bincount(places.ravel(), minlength=rows * many)
    return counts.reshape(rows, many).astype(np.uint16)


def _interval(distribution: Table | None) -> Interval | None:
    if distribution is None:
        return None
    low, high = percentile_bounds(distribution)
    return Interval(float(low), float(high))


def bootstrap_p(distribution: NDArray[np.float64]) -> float:
    """Twice the smaller share of resamples on either side of no difference, at most 1.

    The observed result counts as one resample, so that no p-value is 0.
    """
    below, above = np.sum(distribution <= 0), np.sum(distribution >= 0)
    return float(min(1.0, 2 * (min(below, above) + 1) / (len(distribution) + 1)))
