"""How sure a figure is: one way for all of them, in which prompts are what is drawn.

A figure is a function of means over prompts. Its influence is what each prompt moves it by, to
first order (delta method); the variance of the figure is that of the influence over the number of
prompts, and intervals and p-values are those of Student's t. Seeds of one prompt are not
independent, so a prompt counts once, with the mean of its seeds.

Source: Deng et al. 2018, arXiv 1803.06336 (delta method for means and ratios); Miller 2024, arXiv
2411.00640 (paired differences over prompts whose samples are averaged).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Table = NDArray[np.float64]
"""Values with a row per prompt and a column per seed."""

CONFIDENCE = 0.95
POWER = 0.8
DIGITS = 12
"""No difference is no difference, whatever the last digit of a sum says."""


class Interval(NamedTuple):
    """Bounds of a 95 % interval, in the unit of the value."""

    low: float
    high: float


class Figure(NamedTuple):
    """A figure of one data set.

    Attributes:
        value: the observed one.
        influence: what each prompt and seed moves it by; shape (prompts, seeds), mean 0.
        largest: the furthest from 0 that the figure of a single prompt can be; None: no limit.
    """

    value: float
    influence: Table
    largest: float | None = 1.0


class Estimate(NamedTuple):
    """A figure over one or more data sets, and how sure it is.

    Attributes:
        value: the observed one.
        interval: 95 %; None where nothing is known of the spread: a single prompt.
        p_value: two-sided, of the figure being 0; None as the interval.
        error: standard error; None as the interval, 0 where all prompts are alike.
        freedom: degrees of freedom of the error; None as the interval.
    """

    value: float
    interval: Interval | None = None
    p_value: float | None = None
    error: float | None = None
    freedom: float | None = None


def mean(values: Table, largest: float | None = 1.0) -> Figure:
    """The mean over prompts and seeds, such as a paired difference."""
    value = float(values.mean())
    return Figure(value, values - value, largest)


def ratio(method: Table, baseline: Table) -> Figure:
    """The method's mean over the baseline's, on the same prompts.

    Raises:
        ValueError: the tables differ in shape or are empty, or the baseline used nothing.
    """
    if method.shape != baseline.shape or method.size == 0:
        raise ValueError(
            f"paired values must be of the same prompts: {method.shape} and {baseline.shape}"
        )
    if not baseline.sum() > 0:
        raise ValueError("a ratio needs a baseline that used something")
    value = float(method.mean() / baseline.mean())
    return Figure(value, (method - value * baseline) / baseline.mean(), None)


def saving(method: Table, baseline: Table) -> Figure:
    """Share of the baseline's mean that the method does without; raises as `ratio`."""
    found = ratio(method, baseline)
    return Figure(1 - found.value, -found.influence)


def estimate(figures: Sequence[Figure]) -> Estimate:
    """The mean of a figure over data sets, whose prompts are independent of each other.

    Args:
        figures: one per data set; of one it is the figure itself.

    Returns:
        Degrees of freedom of several data sets are those of Welch (1947). Where all prompts are
        alike, see `_alike`.
    """
    value = float(np.mean([figure.value for figure in figures]))
    sizes = np.array([len(figure.influence) for figure in figures])
    if sizes.min() < 2:
        return Estimate(value)
    variances = np.array([_variance(figure) for figure in figures]) / len(figures) ** 2
    error = float(np.sqrt(variances.sum()))
    if error == 0:
        return _alike(value, int(sizes.sum()), figures[0].largest)
    freedom = float(variances.sum() ** 2 / (variances**2 / (sizes - 1)).sum())
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    p_value = float(2 * stats.t.sf(abs(value) / error, freedom))
    return Estimate(value, Interval(value - half, value + half), p_value, error, freedom)


def share_interval(values: Table) -> Interval | None:
    """Interval of the mean of values in [0, 1]; None for a single prompt.

    With one flag per prompt it is that of Clopper and Pearson (1934). Values between 0 and 1, such
    as means over seeds, vary less than flags: they count as the number of flags that would vary
    as much.

    Source: Korn and Graubard 1998, Confidence intervals for proportions with small expected number
    of positive counts, Survey Methodology 24 (the effective sample size).
    """
    each = values.mean(axis=1)
    share, variance = float(each.mean()), float(each.var())
    if len(each) < 2:
        return None
    size = len(each) * (share * (1 - share) / variance if round(variance, DIGITS) else 1)
    right, tail = share * size, (1 - CONFIDENCE) / 2
    low = stats.beta.ppf(tail, right, size - right + 1) if share > 0 else 0
    high = stats.beta.ppf(1 - tail, right + 1, size - right) if share < 1 else 1
    return Interval(float(low), float(high))


def exact_mcnemar(method: NDArray[np.bool_], baseline: NDArray[np.bool_]) -> float:
    """Exact McNemar test: p-value of both being right equally often on the same prompts.

    It is the binomial test on the prompts where they differ; 1 where they never do.
    """
    better = int(np.sum(method & ~baseline))
    worse = int(np.sum(~method & baseline))
    return float(stats.binomtest(better, better + worse).pvalue) if better + worse else 1.0


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """p-values adjusted for their number; missing ones stay missing and do not count.

    Source: Holm 1979, A simple sequentially rejective multiple test procedure.
    """
    known = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, place) in enumerate(known):
        highest = max(highest, min(1.0, (len(known) - rank) * p))
        adjusted[place] = highest
    return adjusted


def detectable(found: Estimate) -> float | None:
    """The difference that such a comparison finds 4 times in 5, at p < 0.05 of it alone.

    Source: Bloom 1995, Minimum detectable effects, Evaluation Review 19.
    """
    return found.error * _quantiles(found.freedom) if found.error and found.freedom else None


def seeds_to_detect(figures: Sequence[Figure], difference: float) -> int | None:
    """Seeds with which the same prompts would show a difference 4 times in 5.

    More seeds make the variance within prompts smaller, not the one between them. With one seed
    the two cannot be told apart; all of it then counts as within, and more seeds may be needed.

    Returns:
        None where no number of seeds is enough, or nothing is known of the spread.
    """
    found = estimate(figures)
    if not found.error or found.freedom is None:
        return None
    seeds = figures[0].influence.shape[1]
    within = found.error**2
    if seeds > 1:
        within = (
            sum(
                float(figure.influence.var(axis=1, ddof=1).mean()) / len(figure.influence)
                for figure in figures
            )
            / len(figures) ** 2
        )
    between = max(found.error**2 - within / seeds, 0.0)
    left = (difference / _quantiles(found.freedom)) ** 2 - between
    return max(ceil(within / left), 1) if left > 0 else None


def _quantiles(freedom: float) -> float:
    return float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom) + stats.t.ppf(POWER, freedom))


def _variance(figure: Figure) -> float:
    each = np.round(figure.influence.mean(axis=1), DIGITS)
    return float(each.var(ddof=1)) / len(each)


def _alike(value: float, prompts: int, largest: float | None) -> Estimate:
    """Where all prompts are alike, there is only the number of prompts to judge by.

    A share of up to 1 - 0.05^(1/n), about 3/n, of all prompts may be unlike these n, and their
    figures are between -largest and largest.

    Source: Hanley and Lippman-Hand 1983, If nothing goes wrong, is everything all right? (the rule
    of three).
    """
    if largest is None:
        return Estimate(value)
    unseen = 1 - (1 - CONFIDENCE) ** (1 / prompts)
    bounds = Interval(value - unseen * (largest + value), value + unseen * (largest - value))
    p_value = (largest / (largest + abs(value))) ** prompts
    return Estimate(value, bounds, p_value, 0.0, float(prompts - 1))
