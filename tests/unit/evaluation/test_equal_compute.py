"""The comparison at equal cost: by hand, with itself, and against leaving each prompt out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eager.evaluation.statistics.equal_compute import (
    PairedResult,
    compare_at_equal_cost,
)
from eager.evaluation.statistics.metrics import SequenceResult
from eager.evaluation.statistics.parallel_curve import prompt_curve


def paired(quality: object, curve: object, cost: object, sample_cost: object) -> PairedResult:
    """A method and Full Parallel with one seed, from one value per prompt."""
    columns = [np.array(v, float).reshape(len(v), 1) for v in (quality, cost, sample_cost)]  # type: ignore[arg-type]
    curves = np.array(curve, float)[:, None, :]
    return PairedResult(columns[0], curves, columns[1], columns[2])


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
    assert found.samples == pytest.approx(many)
    assert found.difference.value == pytest.approx(0, abs=1e-12)
    if len(prompts) > 1:
        unseen = 1 - 0.05 ** (1 / len(prompts))
        assert found.difference.interval == pytest.approx((-unseen, unseen))
        assert found.difference.p_value == pytest.approx(1)


def test_the_influence_is_what_leaving_a_prompt_out_changes() -> None:
    """Among it what the prompt moves k by: the costs differ much between prompts."""
    rng = np.random.default_rng(1)
    curve = np.cumsum(rng.dirichlet(np.ones(7), (400, 2)), axis=-1)
    curve[..., 0] = 0
    cost, sample = rng.gamma(2, 10, (400, 2)), rng.gamma(3, 2, (400, 2))
    quality = (rng.random((400, 2)) < 0.5).astype(float)

    def without(place: int) -> PairedResult:
        return PairedResult(*(np.delete(t, place, 0) for t in (quality, curve, cost, sample)))

    whole = compare_at_equal_cost([PairedResult(quality, curve, cost, sample)])
    left = [compare_at_equal_cost([without(place)]) for place in range(400)]
    assert whole is not None
    jackknife = [399 * (whole.difference.value - one.difference.value) for one in left if one]
    found = whole.figures[0].influence.mean(axis=1)
    assert np.corrcoef(found, jackknife)[0, 1] > 0.9999
    assert whole.difference.error == pytest.approx(np.std(jackknife) / 20, rel=0.02)
    fixed = (quality - curve[..., -1]).mean(axis=1)
    assert whole.difference.error != pytest.approx(np.std(fixed) / 20, rel=0.1)


def test_means_over_data_sets_weigh_each_the_same() -> None:
    one = paired([1, 1, 1, 1], [[0, 0, 0]] * 4, [10] * 4, [10] * 4)
    other = paired([0, 0], [[0, 1, 1]] * 2, [30] * 2, [20] * 2)
    found = compare_at_equal_cost([one, other])
    assert found is not None
    assert found.difference.value == pytest.approx((1 - 1) / 2)
    assert found.samples == pytest.approx((1 + 1.5) / 2)
    alone = paired([0], [[0, 1]], [1], [1])
    assert compare_at_equal_cost([one, alone]).difference.interval is None  # type: ignore[union-attr]
