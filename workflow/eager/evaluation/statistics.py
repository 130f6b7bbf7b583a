"""How sure a figure is: bootstrap intervals, paired differences, p-values (scipy's, seeded).

Values are tables with a row per prompt and a column a seed; a result with one seed is one column.
Resampling draws prompts, and seeds as well where there are several.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Table = NDArray[np.float64]
Statistic = Callable[..., Any]

CONFIDENCE = 0.95
RESAMPLES = 5000
SEED = 55
"""The intervals' own seed: the same results give the same intervals."""


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
    return _interval(_bootstrap(_mean, values))


def mean_intervals(values: Table) -> list[Interval | None]:
    """Interval of the mean of each column; a row per prompt, all columns drawn together."""
    if len(values) < 2:
        return [None] * values.shape[1]
    bounds = stats.bootstrap(
        (values.T,),
        np.mean,
        axis=-1,
        n_resamples=RESAMPLES,
        batch=500,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    return [Interval(float(a), float(b)) for a, b in zip(bounds.low, bounds.high, strict=True)]


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
    result = _bootstrap(lambda m, b: _mean(m) - _mean(b), method, baseline)
    if flags and method.shape[1] == 1:
        p_value: float | None = exact_mcnemar(method[:, 0] > 0, baseline[:, 0] > 0)
    else:
        p_value = None if result is None else bootstrap_p(result.bootstrap_distribution)
    return Difference(float(_mean(method) - _mean(baseline)), _interval(result), p_value)


def saving(method: Table, baseline: Table) -> tuple[float, Interval | None]:
    """Share of the baseline's total that the method does without, with its interval.

    Raises:
        ValueError: the tables differ in shape or are empty, or the baseline used nothing.
    """
    _check(method, baseline)
    if not baseline.sum() > 0:
        raise ValueError("a saving needs a baseline that used something")
    share = float(1 - method.sum() / baseline.sum())
    return share, _interval(_bootstrap(lambda m, b: 1 - _mean(m) / _mean(b), method, baseline))


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


def _mean(table: Table) -> Any:
    return table.mean(axis=(-2, -1))


def _bootstrap(statistic: Statistic, *tables: Table) -> Any:
    """Resample prompts (and seeds) of all tables together; None for a single prompt."""
    prompts, seeds = tables[0].shape
    if prompts < 2:
        return None

    def on_indices(drawn: NDArray[np.int_], *more: NDArray[np.int_], **_: int) -> Any:
        columns = more[0][..., None, :] if more else np.zeros((1, 1), int)
        return statistic(*(table[drawn[..., :, None], columns] for table in tables))

    samples = [np.arange(prompts)] + ([np.arange(seeds)] if seeds > 1 else [])
    return stats.bootstrap(
        samples,
        on_indices,
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=500,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(SEED),
    )


def _interval(result: Any) -> Interval | None:
    if result is None:
        return None
    bounds = result.confidence_interval
    return Interval(float(bounds.low), float(bounds.high))


def bootstrap_p(distribution: NDArray[np.float64]) -> float:
    """Twice the smaller share of resamples on either side of no difference, at most 1.

    The observed result counts as one resample, so that no p-value is 0.
    """
    below, above = np.sum(distribution <= 0), np.sum(distribution >= 0)
    return float(min(1.0, 2 * (min(below, above) + 1) / (len(distribution) + 1)))
