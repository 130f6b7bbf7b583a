"""Paired bootstrap of any function of means, Holm's correction, and how many prompts decide.

Values are tables with a row per prompt and a column per seed, and a third axis of quantities that
are resampled together. Prompts are drawn, and seeds as well where there are several.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import ceil, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from eager.evaluation.statistics.inference import (
    CONFIDENCE,
    DIGITS,
    RESAMPLES,
    SEED,
    Counts,
    Interval,
    Table,
    bootstrap_p,
    percentile_bounds,
    resample_means,
)

POWER = 0.8
SMALLEST_DIFFERENCE = 0.01
"""A smaller difference is not asked to be decided: one prompt in a hundred."""

COVERAGE = {30: 0.917, 200: 0.95}
"""Prompts, and the share of 1,000 simulated comparisons without a difference whose interval holds 0
(tests/unit/evaluation/test_coverage.py)."""


class Estimate(NamedTuple):
    """A difference with what the bootstrap says of it.

    Attributes:
        value: the observed one.
        interval: 95 %, percentile bootstrap; None for a single prompt.
        p_value: two-sided, of no difference; None for a single prompt.
        error: standard error; None for a single prompt.
    """

    value: float
    interval: Interval | None
    p_value: float | None
    error: float | None


def resampled_means(values: Table, stratum: int = 0) -> Table | None:
    """Means over prompts and seeds in every resample.

    Args:
        values: shape (prompts, seeds, quantities).
        stratum: tables that are drawn independently of each other have numbers of their own;
            calls with the same number and shape draw the same prompts and seeds.

    Returns:
        Shape (resamples, quantities); None for a single prompt, which says nothing of others.
    """
    prompts, seeds, _ = values.shape
    if prompts < 2:
        return None
    return resample_means(values, *_draws(prompts, seeds, stratum))


@lru_cache(maxsize=16)
def _draws(prompts: int, seeds: int, stratum: int) -> tuple[Counts, Counts]:
    """How often each prompt and each seed is drawn; a row per resample."""
    rng = np.random.default_rng([SEED, stratum])

    def counts(many: int) -> Counts:
        drawn = rng.multinomial(many, np.full(many, 1 / many), size=RESAMPLES)
        return drawn.astype(np.uint16)

    return counts(prompts), counts(seeds)


def estimate(value: float, distribution: NDArray[np.float64] | None) -> Estimate:
    """Interval, p-value and standard error of an observed value from its resamples."""
    if distribution is None:
        return Estimate(value, None, None, None)
    # No difference is no difference, whatever the last digit of a sum says.
    distribution = np.round(distribution, DIGITS)
    low, high = percentile_bounds(distribution)
    return Estimate(
        value,
        Interval(float(low), float(high)),
        bootstrap_p(distribution),
        float(np.std(distribution, ddof=1)),
    )


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


def prompts_to_decide(prompts: int, difference: float, error: float | None) -> int | None:
    """Prompts with which a paired test finds the observed difference 4 times in 5.

    Args:
        prompts: those that were measured.
        difference: the observed one; one below `SMALLEST_DIFFERENCE` counts as that.
        error: its standard error, which falls with the square root of the prompts.

    Returns:
        None where nothing is known of the spread: a single prompt, or all prompts alike.
    """
    if not error:
        return None
    wanted = max(abs(difference), SMALLEST_DIFFERENCE)
    spread = error * sqrt(prompts)
    quantiles = stats.norm.ppf((1 + CONFIDENCE) / 2) + stats.norm.ppf(POWER)
    return ceil(float(quantiles * spread / wanted) ** 2)
