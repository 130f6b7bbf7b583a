"""Intervals and p-values against known cases; edges: all right, all wrong, one prompt."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from eager.evaluation.statistics.inference import (
    Figure,
    detectable,
    estimate,
    exact_mcnemar,
    holm,
    mean,
    ratio,
    saving,
    seeds_to_detect,
    share_interval,
)


def column(*values: float) -> np.ndarray:
    return np.array([[float(value)] for value in values])


def test_a_mean_is_judged_by_students_t_with_seeds_averaged() -> None:
    values = np.random.default_rng(1).normal(0.3, 1, (12, 3))
    found = estimate([mean(values)])
    theirs = stats.ttest_1samp(values.mean(axis=1), 0)
    assert found.p_value == pytest.approx(theirs.pvalue)
    assert found.interval == pytest.approx(tuple(theirs.confidence_interval()))


def test_data_sets_are_judged_by_welch() -> None:
    rng = np.random.default_rng(2)
    one, other = rng.normal(0, 1, (9, 1)), rng.normal(0.5, 3, (30, 1))
    # The mean of both is half the difference between one and minus the other.
    theirs = stats.ttest_ind(one[:, 0], -other[:, 0], equal_var=False)
    found = estimate([mean(one), mean(other)])
    assert found.value == pytest.approx((one.mean() + other.mean()) / 2)
    assert (found.p_value, found.freedom) == pytest.approx((theirs.pvalue, theirs.df))


@pytest.mark.parametrize("figure", [ratio, saving])
def test_the_influence_is_what_leaving_a_prompt_out_changes(figure: object) -> None:
    method, baseline = np.random.default_rng(3).gamma(2, size=(2, 200, 1))
    whole: Figure = figure(method, baseline)  # type: ignore[operator]
    left = [
        figure(np.delete(method, i, 0), np.delete(baseline, i, 0)).value  # type: ignore[operator]
        for i in range(200)
    ]
    jackknife = (whole.value - np.array(left)) * 199
    assert np.allclose(whole.influence[:, 0], jackknife, atol=0.1)
    assert estimate([whole]).error == pytest.approx(jackknife.std(ddof=1) / 200**0.5, rel=0.02)


@pytest.mark.parametrize(
    ("value", "low", "high", "p_value"), [(0, -0.1926, 0.1926, 1), (1, 0.6147, 1, 0.5**14)]
)
def test_where_all_prompts_are_alike_unseen_ones_bound_it(
    value: float, low: float, high: float, p_value: float
) -> None:
    found = estimate([mean(column(*[value] * 14))])
    assert found.interval == pytest.approx((low, high), abs=1e-4)
    assert found.p_value == pytest.approx(p_value)
    # In thirds and sixths, but not in floating point, these sum to nothing.
    thirds = np.full((14, 1), 1 / 3)
    assert estimate([mean(thirds + 1 / 6 - 0.5)]).p_value == pytest.approx(1)
    assert estimate([mean(column(5, 5), largest=None)]).interval is None


@given(st.integers(2, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_of_flags_is_that_of_clopper_and_pearson(case: tuple[int, int]) -> None:
    right, prompts = case
    found = share_interval(column(*[1] * right, *[0] * (prompts - right)))
    theirs = stats.binomtest(right, prompts).proportion_ci(method="exact")
    assert found == pytest.approx((theirs.low, theirs.high))


def test_shares_that_vary_less_than_flags_have_narrower_intervals() -> None:
    flags = column(*[0, 1] * 10)
    found, narrow = share_interval(flags), share_interval(0.5 + (flags - 0.5) / 2)
    assert found is not None
    assert narrow is not None
    assert narrow.high - narrow.low == pytest.approx((found.high - found.low) / 2, rel=0.1)
    assert share_interval(column(0.5, 0.5)) == share_interval(column(0, 1))


def test_one_prompt_has_no_interval() -> None:
    assert share_interval(column(1)) is None
    assert estimate([mean(column(3)), mean(column(1, 2))]) == (2.25, None, None, None, None)


@pytest.mark.parametrize(
    ("better", "worse", "p_value"),
    [(0, 0, 1.0), (1, 1, 1.0), (6, 0, 2 * 0.5**6), (8, 2, 2 * 56 / 1024)],
)
def test_mcnemar_by_hand(better: int, worse: int, p_value: float) -> None:
    method = np.array([True] * better + [False] * worse + [True] * 3)
    baseline = np.array([False] * better + [True] * worse + [True] * 3)
    assert exact_mcnemar(method, baseline) == pytest.approx(p_value)


def test_holm_by_hand() -> None:
    assert holm([0.01, None, 0.04, 0.03]) == pytest.approx([0.03, None, 0.06, 0.06])
    assert holm([0.6, 0.7]) == [1, 1]
    assert holm([]) == []


def test_the_detectable_difference_is_found_as_often_as_it_says() -> None:
    rng = np.random.default_rng(4)
    wanted = detectable(estimate([mean(rng.normal(0, 1, (4000, 1)))]))
    assert wanted == pytest.approx(2.8016 / 4000**0.5, rel=0.05)
    runs = [
        estimate([mean(rng.normal(2.8016 / 200**0.5, 1, (200, 1)))]).p_value for _ in range(400)
    ]
    assert np.mean([p is not None and p < 0.05 for p in runs]) == pytest.approx(0.8, abs=0.05)
    assert detectable(estimate([mean(column(1, 1))])) is None


@pytest.mark.parametrize("seeds", [1, 4])
def test_seeds_to_detect_shrink_what_varies_within_prompts(seeds: int) -> None:
    rng = np.random.default_rng(5)
    noise = rng.normal(0, 1, (3000, seeds))
    needed = seeds_to_detect([mean(noise)], 0.02)
    assert needed == pytest.approx((2.8016 / 0.02) ** 2 / 3000, rel=0.15)
    if seeds > 1:
        # What varies between prompts stays, however many seeds there are.
        assert seeds_to_detect([mean(noise + rng.normal(0, 1, (3000, 1)))], 0.02) is None
    assert seeds_to_detect([mean(column(1, 1))], 0.02) is None


def test_paired_tables_must_fit() -> None:
    with pytest.raises(ValueError, match="same prompts"):
        saving(column(1, 0), column(1))
    with pytest.raises(ValueError, match="used something"):
        saving(column(0, 0), column(0, 0))
