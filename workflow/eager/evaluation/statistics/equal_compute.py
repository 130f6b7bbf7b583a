"""A method against Full Parallel at equal cost: what sampling reaches with the same tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from eager.evaluation.statistics.inference import Estimate, Figure, Table, estimate

ROUNDING = 1e-9
"""Full Parallel with itself costs M samples, but for the last digit."""


@dataclass(frozen=True)
class PairedResult:
    """A method and Full Parallel on the same prompts of one data set.

    Attributes:
        quality: the method's values; shape (prompts, seeds).
        curve: Full Parallel's expected values with k = 0..M samples; shape (prompts, seeds, M+1).
        cost: what the method used; shape (prompts, seeds).
        sample_cost: what one sample of Full Parallel used on average; the same shape.
        largest: the largest value of a prompt.
    """

    quality: Table
    curve: Table
    cost: Table
    sample_cost: Table
    largest: float = 1.0


class EqualCost(NamedTuple):
    """The comparison at equal cost.

    Attributes:
        samples: samples of Full Parallel per prompt that cost as much, mean over the data sets.
        baseline: Full Parallel's expected value with them.
        difference: the method's value minus that.
        figures: the difference in each data set.
    """

    samples: float
    baseline: float
    difference: Estimate
    figures: list[Figure]


def compare_at_equal_cost(results: Sequence[PairedResult]) -> EqualCost | None:
    """Compare a method with as many samples of Full Parallel as cost the same.

    The number of samples k is the same for every prompt: mean cost over mean cost of a sample.
    Between k and k + 1 a share of the prompts has one more, and below one sample a share has none.

    Args:
        results: one per data set; the figures are means over them.

    Returns:
        None where the method used more than M samples of Full Parallel, or costs are not known.
    """
    if not all(map(_affordable, results)):
        return None
    found = [_at_equal_cost(result) for result in results]
    figures = [figure for *_, figure in found]
    return EqualCost(
        float(np.mean([samples for samples, *_ in found])),
        float(np.mean([baseline for _, baseline, _ in found])),
        estimate(figures),
        figures,
    )


def expected_at(curve: Table, samples: float) -> tuple[Table, Table]:
    """Values of curves at a number of samples, between whole numbers on a line, and its slope.

    Args:
        curve: values with 0..M samples on the last axis.
        samples: in [0, M].
    """
    whole = min(int(samples), curve.shape[-1] - 2)
    slope = np.asarray(curve[..., whole + 1] - curve[..., whole])
    return np.asarray(curve[..., whole] + (samples - whole) * slope), slope


def _affordable(result: PairedResult) -> bool:
    """Whether both costs are known, and all samples of Full Parallel cost the method's at least."""
    cost, sample_cost = result.cost.mean(), result.sample_cost.mean()
    return bool(0 < cost <= sample_cost * _most(result) * (1 + ROUNDING))


def _at_equal_cost(result: PairedResult) -> tuple[float, float, Figure]:
    """Samples k, Full Parallel's value with them, and the difference.

    A prompt moves the difference by its own, and by what it moves k by times the slope of the curve
    at k.
    """
    sample_cost = float(result.sample_cost.mean())
    samples = min(float(result.cost.mean()) / sample_cost, float(_most(result)))
    baseline, slope = expected_at(result.curve, samples)
    moved = (result.cost - samples * result.sample_cost) / sample_cost
    difference = result.quality - baseline
    value = float(difference.mean())
    influence = difference - value - float(slope.mean()) * moved
    return samples, float(baseline.mean()), Figure(value, influence, result.largest)


def _most(result: PairedResult) -> int:
    return int(result.curve.shape[-1]) - 1
