"""Simulated truth: a method that is exactly as good as sampling, and how often intervals say so."""

from __future__ import annotations

import numpy as np
import pytest

from eager.evaluation.statistics.equal_compute import PairedResult, compare_at_equal_cost
from eager.evaluation.statistics.metrics import SequenceResult
from eager.evaluation.statistics.parallel_curve import prompt_curve
from eager.evaluation.statistics.resampling import COVERAGE

SAMPLES = 8
RUNS = 1000
CURVES = [
    prompt_curve([SequenceResult(0 if i < right else 1, i < right, False, 1, 1) for i in range(8)])
    for right in range(SAMPLES + 1)
]


def run(rng: np.random.Generator, prompts: int) -> PairedResult:
    """Sampling under another name: 3 to 5 samples of its own, as many tokens as they have.

    Tokens of a sample are those of its prompt, hard ones take more, and vary a little.
    """
    chances = rng.beta(0.4, 0.6, size=(prompts, 1))
    right = (rng.random((prompts, SAMPLES)) < chances).sum(axis=1)
    length = 1000 * (2 - chances[:, 0])
    tokens = length * rng.normal(1, 0.1, prompts)
    # The number of samples is the same for all prompts: 4 of 10 runs have one more.
    own = 3 + int(rng.random() < 0.4)
    solved = (rng.random((prompts, own)) < chances).any(axis=1)
    cost = own * length * rng.normal(1, 0.1, prompts)
    curve = np.array([CURVES[r].pass_at_k for r in right])[:, None, :]
    column = [values.astype(float)[:, None] for values in (solved, cost, tokens)]
    return PairedResult(column[0], curve[:, :, -1], curve, column[1], column[2])


def coverage(prompts: int) -> float:
    rng = np.random.default_rng(prompts)
    held = 0
    for _ in range(RUNS):
        found = compare_at_equal_cost([run(rng, prompts)])
        assert found is not None
        assert found.difference.interval is not None
        low, high = found.difference.interval
        held += low <= 0 <= high
    return held / RUNS


@pytest.mark.slow
@pytest.mark.parametrize(("prompts", "least"), [(200, 0.93), (30, 0.90)])
def test_intervals_hold_no_difference_as_often_as_they_say(prompts: int, least: float) -> None:
    share = coverage(prompts)
    print(f"{prompts} prompts: {share:.1%} of {RUNS} intervals hold 0")
    assert least <= share <= 0.97
    assert share == pytest.approx(COVERAGE[prompts], abs=0.003)
