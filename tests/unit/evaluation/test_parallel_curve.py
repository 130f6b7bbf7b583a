"""Full Parallel as a curve: all subsets of small cases, closed forms, properties."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from scipy import stats

from eager.evaluation.statistics import parallel_curve
from eager.evaluation.statistics.metrics import (
    SequenceResult,
    distinct_answers,
    majority_is_correct,
)
from eager.evaluation.statistics.parallel_curve import prompt_curve, sampled_cons
from tests.support.samples import prompts_of_samples, sample


@given(prompts_of_samples(most=7))
def test_every_figure_is_the_mean_over_all_subsets(samples: list[SequenceResult]) -> None:
    curve = prompt_curve(samples)
    assert (curve.pass_at_k[0], curve.cons_at_max[0], curve.distinct_answers[0]) == (0, 0, 0)
    for k in range(1, len(samples) + 1):
        subsets = list(combinations(samples, k))
        assert curve.pass_at_k[k] == pytest.approx(
            np.mean([any(s.correct for s in subset) for subset in subsets])
        )
        assert curve.cons_at_max[k] == pytest.approx(
            np.mean([majority_is_correct(subset) for subset in subsets])
        )
        assert curve.pass_rate[k] == pytest.approx(
            np.mean([s.correct for subset in subsets for s in subset])
        )
        assert curve.distinct_answers[k] == pytest.approx(
            np.mean([*map(distinct_answers, subsets)])
        )


def test_answers_that_differ_in_correctness_within_a_group_follow_the_first() -> None:
    samples = [sample(0, True), sample(0, False), sample(1, False)]
    assert prompt_curve(samples).cons_at_max.tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert prompt_curve(samples[::-1]).cons_at_max.tolist() == pytest.approx([0, 1 / 3, 0, 0])


def test_two_answers_are_a_hypergeometric_majority() -> None:
    samples = [sample(0, True)] * 20 + [sample(1, False)] * 12
    for k in (1, 5, 21):
        votes = stats.hypergeom(32, 20, k)
        assert prompt_curve(samples).cons_at_max[k] == pytest.approx(votes.sf(k // 2))


def test_random_subsets_agree_with_the_exact_curve_within_their_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = [0, 1, 0, 2, None, 1, 0, 3, 1, 0, 2, None, 0, 1]
    samples = [sample(name, name == 1) for name in names]
    exact = prompt_curve(samples)
    assert not exact.cons_error.any()
    cons, error = sampled_cons(samples, 4000)
    assert np.all(np.abs(cons - exact.cons_at_max) <= 4 * error + 1e-9)
    assert 0.001 < error[5] < 0.01
    assert error[-1] == 0
    monkeypatch.setattr(parallel_curve, "MOST_PRODUCTS", 1)
    parallel_curve._curve.cache_clear()
    random = prompt_curve(samples)
    assert random.cons_error[5] > 0
    parallel_curve._curve.cache_clear()
    assert random.cons_at_max[-1] == majority_is_correct(samples)


def test_many_samples_are_not_enumerated() -> None:
    samples = [sample(index % 7, index % 7 == 2) for index in range(1200)]
    curve = prompt_curve(samples)
    assert curve.cons_at_max[1] == pytest.approx(1 / 7, abs=5 * curve.cons_error[1])
    assert curve.pass_at_k[1] == pytest.approx(172 / 1200)
