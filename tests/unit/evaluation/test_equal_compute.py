"""The comparison at equal cost: by hand, with itself, and over all resamples of small cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eager.evaluation.statistics import resampling
from eager.evaluation.statistics.equal_compute import (
    PairedResult,
    compare_as_measured,
    compare_at_equal_cost,
    cost_saved,
    expected_at,
)
from eager.evaluation.statistics.inference import mean_interval
from eager.evaluation.statistics.metrics import SequenceResult
from eager.evaluation.statistics.parallel_curve import prompt_curve
from eager.evaluation.statistics.resampling import (
    estimate,
    holm,
    prompts_to_decide,
    resampled_means,
)


def paired(quality: object, curve: object, cost: object, sample_cost: object) -> PairedResult:
    """A method and Full Parallel with one seed, from one value per prompt."""
    columns = [np.array(v, float).reshape(len(v), 1) for v in (quality, cost, sample_cost)]  # type: ignore[arg-type]
    curves = np.array(curve, float)[:, None, :]
    return PairedResult(columns[0], curves[:, :, -1], curves, columns[1], columns[2])


def itself(prompts: list[list[SequenceResult]], many: int) -> PairedResult:
    curves = [prompt_curve(prompt).cons_at_max for prompt in prompts]
    tokens = [sum(s.tokens for s in prompt) for prompt in prompts]
    return paired([c[-1] for c in curves], curves, tokens, [t / many for t in tokens])


def test_by_hand() -> None:
    curve = [[0, 0.5, 0.75, 1], [0, 0, 0, 0]]
    found = compare_at_equal_cost([paired([1, 0], curve, [20, 10], [8, 4])])
    assert found is not None
    assert found.samples == pytest.approx(2.5)
    assert found.baseline == pytest.approx((0.875 + 0) / 2)
    assert found.difference.value == pytest.approx(0.5 - 0.4375)
    below_one = compare_at_equal_cost([paired([1, 0], curve, [2, 1], [8, 4])])
    assert below_one is not None
    assert below_one.baseline == pytest.approx(0.25 * 0.25)


def test_empty_where_the_method_uses_more_or_nothing_is_known() -> None:
    curve = [[0, 0.5, 1], [0, 0, 0]]
    assert compare_at_equal_cost([paired([1, 0], curve, [40, 10], [8, 4])]) is None
    assert compare_at_equal_cost([paired([1, 0], curve, [0, 0], [8, 4])]) is None
    assert compare_at_equal_cost([paired([1, 0], curve, [8, 4], [0, 0])]) is None


@settings(deadline=None, max_examples=30)
@given(
    st.integers(1, 6).flatmap(
        lambda m: st.tuples(
            st.just(m),
            st.lists(
                st.lists(
                    st.tuples(st.none() | st.integers(0, 2), st.integers(1, 99)),
                    min_size=m,
                    max_size=m,
                ),
                min_size=1,
                max_size=5,
            ),
        )
    )
)
def test_full_parallel_with_itself_differs_by_nothing(drawn: tuple[int, list]) -> None:
    many, prompts = drawn
    samples = [[SequenceResult(c, c == 1, c == 1, t, t) for c, t in prompt] for prompt in prompts]
    found = compare_at_equal_cost([itself(samples, many)])
    assert found is not None
    assert found.samples == many
    assert found.difference.value == pytest.approx(0, abs=1e-12)
    if len(prompts) > 1:
        assert found.difference.interval == pytest.approx((0, 0), abs=1e-12)
        assert found.difference.p_value == pytest.approx(1)


def test_k_is_found_again_in_each_resample() -> None:
    # The prompt that the method spends most on is the one that samples solve at once.
    result = paired([0, 1], [[0, 0, 0, 0], [0, 1, 1, 1]], [1, 21], [10, 10])
    found = compare_at_equal_cost([result])
    assert found is not None
    # Prompts drawn: a a (k 0.1), a b (k 1.1), b b (k 2.1): 0 - 0, 1/2 - 1/2, 1 - 1.
    assert found.difference.interval == pytest.approx((0, 0), abs=1e-12)
    # With k kept at 1.1, drawing b alone would be the same here, so spend more below one sample.
    result = paired([0, 1], [[0, 0, 0, 0], [0, 1, 1, 1]], [1, 5], [10, 10])
    found = compare_at_equal_cost([result])
    assert found is not None
    assert found.difference.interval == pytest.approx((0, 0.5))
    assert found.difference.value == pytest.approx(0.5 - 0.5 * 0.3)


def test_values_between_whole_numbers() -> None:
    curve = np.array([[0.0, 1.0, 3.0]])
    for samples, expected in ((0, 0), (0.5, 0.5), (1, 1), (1.25, 1.5), (2, 3)):
        assert expected_at(curve, np.array([float(samples)]))[0] == pytest.approx(expected)


def test_means_over_data_sets_weigh_each_the_same() -> None:
    one = paired([1, 1, 1, 1], [[0, 0, 0]] * 4, [10] * 4, [10] * 4)
    other = paired([0, 0], [[0, 1, 1]] * 2, [30] * 2, [20] * 2)
    found = compare_at_equal_cost([one, other])
    assert found is not None
    assert found.difference.value == pytest.approx((1 - 1) / 2)
    assert found.samples == pytest.approx((1 + 1.5) / 2)
    assert compare_as_measured([one, other]).value == pytest.approx((1 - 1) / 2)
    saved = cost_saved([one.cost, other.cost], [np.full((4, 1), 20.0), np.full((2, 1), 40.0)])
    assert saved.value == pytest.approx((0.5 + 0.25) / 2)
    alone = paired([0], [[0, 1]], [1], [1])
    assert compare_at_equal_cost([one, alone]).difference.interval is None  # type: ignore[union-attr]


def test_the_bootstrap_is_that_of_scipy_for_a_mean() -> None:
    values = np.random.default_rng(3).gamma(2, size=(60, 1))
    distribution = resampled_means(values[:, :, None])
    assert distribution is not None
    ours = estimate(float(values.mean()), distribution[:, 0])
    assert ours.interval == pytest.approx(mean_interval(values), abs=0.03)
    assert ours.error == pytest.approx(values.std() / np.sqrt(60), rel=0.05)


def test_seeds_are_drawn_too() -> None:
    values = np.tile(np.array([0.0, 1.0]), (50, 1))[:, :, None]
    distribution = resampled_means(values)
    assert distribution is not None
    assert set(np.unique(distribution)) == {0.0, 0.5, 1.0}


def test_holm_by_hand() -> None:
    assert holm([0.01, None, 0.04, 0.03]) == pytest.approx([0.03, None, 0.06, 0.06])
    assert holm([0.6, 0.7]) == [1, 1]
    assert holm([]) == []


def test_prompts_to_decide() -> None:
    # Textbook: (1.96 + 0.84)^2 (sd / d)^2, here with sd 0.5 and d 0.1.
    assert prompts_to_decide(100, 0.1, 0.05) == 197
    assert prompts_to_decide(25, 0.1, 0.1) == 197
    assert prompts_to_decide(100, -0.001, 0.05) == prompts_to_decide(100, 0.01, 0.05)
    assert prompts_to_decide(100, 0.1, None) is None
    assert prompts_to_decide(100, 0.1, 0.0) is None


def test_a_resample_beyond_all_samples_counts_full_parallel_with_all_of_them() -> None:
    # Drawn twice, the second prompt costs twice what both of its samples do.
    result = paired([0, 0], [[0, 0, 0], [0, 0.5, 1]], [1, 38], [10, 10])
    found = compare_at_equal_cost([result])
    assert found is not None
    assert found.difference.interval == pytest.approx((-1, 0))


def test_the_same_results_give_the_same_intervals() -> None:
    values = np.random.default_rng(4).random((20, 2, 1))
    first = resampled_means(values)
    resampling._draws.cache_clear()
    second = resampled_means(values)
    assert first is not None
    assert np.array_equal(first, second)  # type: ignore[arg-type]
    assert not np.array_equal(first, resampled_means(values, 1))  # type: ignore[arg-type]
