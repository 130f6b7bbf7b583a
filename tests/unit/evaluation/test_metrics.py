"""Metrics of known cases, with the edges: no answers, ties, one prompt."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eager.evaluation.statistics.metrics import (
    SequenceResult,
    majority_is_correct,
    measure,
    unbiased_pass_at_k,
)


def sequence(candidate: int | None, correct: bool, tokens: int = 10) -> SequenceResult:
    return SequenceResult(candidate, correct, correct, tokens, tokens - 4)


def test_known_cell() -> None:
    all_right = [sequence(0, True), sequence(0, True)]
    one_right = [sequence(0, False), sequence(0, False), sequence(1, True), sequence(None, False)]
    silent = [sequence(None, False)]
    metrics = measure([all_right, one_right, silent])
    assert metrics.prompts == 3
    assert metrics.pass_at_k == pytest.approx(2 / 3)
    assert metrics.cons_at_max == pytest.approx(1 / 3)
    assert metrics.pass_rate == pytest.approx((1 + 1 / 4 + 0) / 3)
    assert (metrics.sequences, metrics.tokens, metrics.tokens_upstream) == (7, 70, 42)
    assert metrics.tokens_per_prompt == pytest.approx(70 / 3)
    assert metrics.tokens_upstream_per_prompt == 42 / 3
    # An answer counts once a prompt.
    assert metrics.distinct_answers_per_sequence == pytest.approx(3 / 7)
    assert metrics.distinct_answers_per_1000_tokens == pytest.approx(3 / 0.07)
    assert measure([[sequence(None, False, 0)]]).distinct_answers_per_1000_tokens is None


@pytest.mark.parametrize(
    ("candidates", "right"),
    [
        ([0, 1, 1], 1),
        ([0, 1], 0),  # a tie goes to the answer seen first
        ([None, None, 1, 0], 1),
        ([0, 1, 1, 0], 0),
        ([None, None], None),
    ],
)
def test_majority(candidates: list[int | None], right: int | None) -> None:
    for answer in (0, 1):
        sequences = [sequence(c, c == answer) for c in candidates]
        assert majority_is_correct(sequences) is (right == answer)


@given(st.integers(1, 7), st.data())
def test_unbiased_estimator_is_the_share_of_subsets(samples: int, data: st.DataObject) -> None:
    correct = data.draw(st.integers(0, samples))
    k = data.draw(st.integers(1, samples))
    subsets = list(itertools.combinations([i < correct for i in range(samples)], k))
    expected = sum(any(subset) for subset in subsets) / len(subsets)
    assert unbiased_pass_at_k(samples, correct, k) == pytest.approx(expected)


def test_nothing_to_measure_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^metrics need at least one prompt, and a sequence of every prompt$"
    ):
        measure([])
    with pytest.raises(ValueError, match="at least one prompt"):
        measure([[sequence(0, True)], []])
    with pytest.raises(ValueError, match=r"^k is 5; it must be between 1 and the 4 samples$"):
        unbiased_pass_at_k(4, 1, 5)
