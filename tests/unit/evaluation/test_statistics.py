"""Intervals and p-values against known cases; edges: all right, all wrong, one prompt."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from eager.evaluation.statistics import exact_mcnemar, mean_interval, paired_difference, saving


def column(*values: float) -> np.ndarray:
    return np.array([[float(value)] for value in values])


def test_mean_interval_is_scipys_percentile_bootstrap() -> None:
    values = np.random.default_rng(1).gamma(2, size=(40, 1))
    ours = mean_interval(values)
    theirs = stats.bootstrap(
        (values[:, 0],), np.mean, method="percentile", n_resamples=20_000, rng=3
    ).confidence_interval
    assert ours is not None
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.03)
    assert mean_interval(values) == ours


@pytest.mark.parametrize(("value", "expected"), [(1, (1, 1)), (0, (0, 0))])
def test_all_right_and_all_wrong(value: int, expected: tuple[float, float]) -> None:
    assert mean_interval(column(*[value] * 5)) == expected


def test_one_prompt_has_no_interval() -> None:
    assert mean_interval(column(1)) is None
    difference = paired_difference(column(1), column(0), flags=True)
    assert difference == (1, None, 1)
    assert paired_difference(column(3), column(2), flags=False) == (1, None, None)
    assert saving(column(3), column(4)) == (0.25, None)


def test_seeds_that_disagree_widen_the_interval() -> None:
    alike = np.tile(column(*[0, 1] * 10), (1, 4))
    differing = alike.copy()
    differing[:, 0], differing[:, 1] = 0, 1
    narrow, wide = mean_interval(alike), mean_interval(differing)
    assert narrow is not None
    assert wide is not None
    assert wide.high - wide.low > narrow.high - narrow.low


@pytest.mark.parametrize(
    ("better", "worse", "p_value"),
    [(0, 0, 1.0), (1, 1, 1.0), (6, 0, 2 * 0.5**6), (8, 2, 2 * 56 / 1024)],
)
def test_mcnemar_by_hand(better: int, worse: int, p_value: float) -> None:
    method = np.array([True] * better + [False] * worse + [True] * 3)
    baseline = np.array([False] * better + [True] * worse + [True] * 3)
    assert exact_mcnemar(method, baseline) == pytest.approx(p_value)


def test_paired_difference_uses_the_pairing() -> None:
    noise = np.random.default_rng(2).normal(0, 100, size=(50, 1))
    result = paired_difference(noise + 1, noise, flags=False)
    assert result.value == pytest.approx(1)
    assert result.interval == pytest.approx((1, 1))
    assert result.p_value is not None
    assert result.p_value < 0.001
    with pytest.raises(ValueError, match="same prompts"):
        paired_difference(column(1, 0), column(1), flags=True)
    with pytest.raises(ValueError, match="used something"):
        saving(column(0, 0), column(0, 0))
