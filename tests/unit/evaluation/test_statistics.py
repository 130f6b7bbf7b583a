"""Intervals and p-values against known cases; edges: all right, all wrong, one prompt."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from eager.evaluation.statistics.inference import (
    BATCH,
    RESAMPLES,
    SEED,
    bootstrap_p,
    exact_mcnemar,
    mean_interval,
    mean_intervals,
    paired_difference,
    saving,
)


def column(*values: float) -> np.ndarray:
    return np.array([[float(value)] for value in values])


@pytest.mark.parametrize(("prompts", "seeds"), [(2, 1), (40, 1), (7, 3)])
def test_intervals_are_those_of_scipys_percentile_bootstrap(prompts: int, seeds: int) -> None:
    values, baseline = np.random.default_rng(1).gamma(2, size=(2, prompts, seeds))

    def theirs(table: np.ndarray) -> object:
        def mean(drawn: np.ndarray, columns: np.ndarray | None = None, axis: int = -1) -> object:
            chosen = np.zeros((1, 1), int) if columns is None else columns[..., None, :]
            return table[drawn[..., :, None], chosen].mean(axis=(-2, -1))

        samples = [np.arange(prompts), np.arange(seeds)][: 1 + (seeds > 1)]
        options = {"n_resamples": RESAMPLES, "batch": BATCH, "method": "percentile"}
        rng = np.random.default_rng(SEED)
        return stats.bootstrap(samples, mean, vectorized=True, **options, rng=rng)  # type: ignore[call-overload]

    found = theirs(values - baseline)
    difference = paired_difference(values, baseline, flags=False)
    assert difference.interval == pytest.approx(tuple(found.confidence_interval), rel=1e-9)  # type: ignore[attr-defined]
    assert difference.p_value == bootstrap_p(found.bootstrap_distribution)  # type: ignore[attr-defined]
    expected = tuple(theirs(values).confidence_interval)  # type: ignore[attr-defined]
    assert mean_interval(values) == pytest.approx(expected, rel=1e-9)
    if seeds == 1:
        assert mean_intervals(values) == [pytest.approx(expected, rel=1e-9)]


def test_a_resample_without_a_difference_counts_on_both_sides() -> None:
    # In thirds and sixths many resamples sum to nothing, but not in floating point.
    sixths = np.array([1, 2, -3, 4, -4, 1, -1, 2, -2, 5, -3, -1])
    exact = paired_difference(column(*sixths), column(*[0] * 12), flags=False)
    baseline = np.full((12, 1), 1 / 3)
    found = paired_difference(baseline + sixths[:, None] / 6, baseline, flags=False)
    assert found.p_value == exact.p_value


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
