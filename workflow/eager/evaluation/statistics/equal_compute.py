"""A method against Full Parallel at equal cost: what sampling reaches with the same tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from eager.evaluation.statistics.inference import Table
from eager.evaluation.statistics.resampling import Estimate, estimate, resampled_means

Figure = Callable[[Table], Table]
ROUNDING = 1e-9
"""Full Parallel with itself costs M samples, but for the last digit."""


@dataclass(frozen=True)
class PairedResult:
    """A method and Full Parallel on the same prompts of one data set.

    Attributes:
        quality: the method's values; shape (prompts, seeds).
        baseline: Full Parallel's measured values; the same shape.
        curve: Full Parallel's expected values with k = 0..M samples; shape (prompts, seeds, M+1).
        cost: what the method used; shape (prompts, seeds).
        sample_cost: what one sample of Full Parallel used on average; the same shape.
    """

    quality: Table
    baseline: Table
    curve: Table
    cost: Table
    sample_cost: Table


class EqualCost(NamedTuple):
    """The comparison at equal cost.

    Attributes:
        samples: samples of Full Parallel per prompt that cost as much, mean over the data sets.
        baseline: Full Parallel's expected value with them.
        difference: the method's value minus that.
    """

    samples: float
    baseline: float
    difference: Estimate


def compare_at_equal_cost(results: Sequence[PairedResult]) -> EqualCost | None:
    """Compare a method with as many samples of Full Parallel as cost the same.

    The number of samples is the same for every prompt; between k and k + 1 a share of the prompts
    has one more, and below one sample a share has none. It is found again in every resample; one
    in which M samples cost less counts Full Parallel with M.

    Args:
        results: one per data set; the figures are means over them, each data set's prompts are
            drawn independently.

    Returns:
        None where the method used more than M samples of Full Parallel, or costs are not known.
    """
    observed = [_observe(result) for result in results]
    if not all(_affordable(means, result) for means, result in zip(observed, results, strict=True)):
        return None
    samples, baselines, differences = zip(*map(_at_equal_cost, observed), strict=True)
    drawn = [resampled_means(_stacked(result), place) for place, result in enumerate(results)]
    known = [_at_equal_cost(means)[2] for means in drawn if means is not None]
    return EqualCost(
        float(np.mean(samples)),
        float(np.mean(baselines)),
        estimate(
            float(np.mean(differences)),
            np.mean(known, axis=0) if len(known) == len(results) else None,
        ),
    )


def compare_as_measured(results: Sequence[PairedResult]) -> Estimate:
    """The method's value minus Full Parallel's with all its samples; mean over the data sets."""
    tables = [(result.quality - result.baseline)[..., None] for result in results]
    return _mean_over(tables, lambda means: means[..., 0])


def cost_saved(costs: Sequence[Table], baselines: Sequence[Table]) -> Estimate:
    """Share of Full Parallel's cost that the method does without; mean over the data sets.

    Args:
        costs: what the method used, a table of prompts and seeds per data set.
        baselines: what Full Parallel used.
    """
    tables = [np.stack(pair, axis=-1) for pair in zip(costs, baselines, strict=True)]
    return _mean_over(tables, lambda means: 1 - means[..., 0] / means[..., 1])


def expected_at(curve: Table, samples: Table) -> Table:
    """Values of curves between whole numbers of samples.

    Args:
        curve: values with 0..M samples on the last axis.
        samples: numbers of samples in [0, M], one per curve.
    """
    whole = np.minimum(np.floor(samples).astype(int), curve.shape[-1] - 2)
    part = samples - whole
    low = np.take_along_axis(curve, whole[..., None], axis=-1)[..., 0]
    high = np.take_along_axis(curve, whole[..., None] + 1, axis=-1)[..., 0]
    return np.asarray((1 - part) * low + part * high)


def _stacked(result: PairedResult) -> Table:
    parts = [part[..., None] for part in (result.quality, result.cost, result.sample_cost)]
    return np.concatenate([*parts, result.curve], axis=-1)


def _observe(result: PairedResult) -> Table:
    return np.asarray(_stacked(result).mean(axis=(0, 1)))


def _affordable(means: Table, result: PairedResult) -> bool:
    """Whether both costs are known, and all samples of Full Parallel cost the method's at least."""
    cost, sample_cost = means[1], means[2]
    largest = result.curve.shape[-1] - 1
    return bool(cost > 0 and sample_cost > 0 and cost <= sample_cost * largest * (1 + ROUNDING))


def _at_equal_cost(means: Table) -> tuple[Table, Table, Table]:
    """Samples, Full Parallel's value and the difference, from means on the last axis."""
    quality, cost, sample_cost, curve = (
        means[..., 0],
        means[..., 1],
        means[..., 2],
        means[..., 3:],
    )
    largest = curve.shape[-1] - 1
    # A resample whose samples cost nothing at all is one that M samples serve.
    ratio = np.divide(cost, sample_cost, out=np.full_like(cost, largest), where=sample_cost > 0)
    near = np.abs(ratio - largest) <= ROUNDING * largest
    samples = np.where(near, largest, np.minimum(ratio, largest))
    baseline = expected_at(curve, samples)
    return samples, baseline, quality - baseline


def _mean_over(tables: Sequence[Table], figure: Figure) -> Estimate:
    drawn = [resampled_means(table, place) for place, table in enumerate(tables)]
    known = [figure(means) for means in drawn if means is not None]
    return estimate(
        float(np.mean([figure(table.mean(axis=(0, 1))) for table in tables])),
        np.mean(known, axis=0) if len(known) == len(tables) else None,
    )
