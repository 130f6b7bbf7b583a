"""Drawing samples one after another: all orders of small cases, closed forms, properties."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import integrate

from eager.evaluation.statistics.draws import MOST_ORDERS, orders_of
from eager.evaluation.statistics.metrics import SequenceResult, majority_is_correct
from eager.evaluation.statistics.rivals import rivals_of, share_budget, sharing_rivals
from tests.support.samples import prompts_of_samples, sample

Samples = list[SequenceResult]
USUAL = {"window": 4, "confidence": 0.95}


def solved(drawn: Samples, window: int, confidence: float) -> bool:
    return drawn[-1].correct


def agreed(drawn: Samples, window: int, confidence: float) -> bool:
    last = {s.candidate for s in drawn[-window:]}
    return len(drawn) % window == 0 and len(last) == 1 and None not in last


def certain(drawn: Samples, window: int, confidence: float) -> bool:
    votes = Counter(s.candidate for s in drawn if s.candidate is not None)
    (a, b) = ([count for _, count in votes.most_common(2)] + [0, 0])[:2]

    def density(x: float) -> float:
        return x**a * (1 - x) ** b

    return integrate.quad(density, 0.5, 1)[0] / integrate.quad(density, 0, 1)[0] > confidence


RULES = {"until_solved": solved, "early_stopping": agreed, "adaptive_consistency": certain}


@settings(max_examples=25, deadline=None)
@given(prompts_of_samples(most=5), st.integers(1, 3), st.sampled_from([0.8, 0.95]))
@example([sample(0, True)] * 4 + [sample(1, False)], 2, 0.95)
@example([sample(0, True)] * 2 + [sample(1, False)] * 3, 2, 0.8)
@example([sample(None, False)] * 5, 2, 0.95)
def test_rivals_are_the_mean_over_all_orders(
    samples: Samples, window: int, confidence: float
) -> None:
    found = rivals_of(samples, window, confidence)
    for name, enough in RULES.items():
        stops = []
        for order in permutations(samples):
            known = list(order)
            ends = [n for n in range(1, len(known) + 1) if enough(known[:n], window, confidence)]
            stops.append(known[: (ends or [len(known)])[0]])
        expected = {
            "pass_at_k": np.mean([any(s.correct for s in drawn) for drawn in stops]),
            "cons_at_max": np.mean([majority_is_correct(drawn) for drawn in stops]),
            "pass_rate": np.mean([np.mean([s.correct for s in drawn]) for drawn in stops]),
            "tokens": np.mean([sum(s.tokens for s in drawn) for drawn in stops]),
            "tokens_upstream": np.mean([sum(s.tokens_upstream for s in drawn) for drawn in stops]),
            "sequences": np.mean([len(drawn) for drawn in stops]),
        }
        got = found[name]._asdict()
        assert {key: got[key] for key in expected} == pytest.approx(expected)
        size = window if name == "early_stopping" else 1
        assert got["rounds"] == pytest.approx(np.mean([-(-len(d) // size) for d in stops]))


@pytest.mark.parametrize(("samples", "right"), [(6, 2), (6, 0), (6, 6), (30, 5)])
def test_until_solved_against_its_closed_form(samples: int, right: int) -> None:
    prompt = [sample(int(i >= right), i < right, 7) for i in range(samples)]
    rival = rivals_of(prompt, **USUAL)["until_solved"]
    expected = (samples + 1) / (right + 1) if right else samples
    assert rival.sequences == pytest.approx(expected, rel=1e-9 if samples <= 6 else 0.1)
    assert rival.tokens == pytest.approx(7 * rival.sequences)


def test_equal_answers_stop_at_the_number_that_makes_them_certain() -> None:
    prompt = [sample(0, False)] * 16
    found = rivals_of(prompt, 5, 0.95)
    assert 1 - 0.5**5 > 0.95 > 1 - 0.5**4  # Beta(5, 1) and Beta(4, 1) above one half
    assert found["adaptive_consistency"].sequences == 4
    assert (found["early_stopping"].sequences, found["early_stopping"].rounds) == (5, 1)
    assert rivals_of(prompt, 4, 0.9)["adaptive_consistency"].sequences == 3


def test_orders_are_all_or_seeded_random_ones() -> None:
    assert len({tuple(order) for order in orders_of(4)}) == 24
    many = orders_of(9)
    assert many.shape == (MOST_ORDERS, 9)
    assert np.all(np.sort(many, axis=1) == np.arange(9))
    assert np.array_equal(many, orders_of(9))
    assert len(set(many[:, 0])) == 9
    with pytest.raises(ValueError, match="has none"):
        rivals_of([], **USUAL)


@given(
    st.lists(st.lists(st.integers(1, 9), min_size=3, max_size=3), min_size=1, max_size=6),
    st.integers(1, 9),
)
def test_a_shared_budget_is_drawn_in_turn(needed: list[list[int]], samples: int) -> None:
    table, budget = np.array(needed), samples * len(needed)
    drawn = share_budget(table, budget)
    assert np.all((drawn <= table) & (drawn >= 1))
    assert np.array_equal(drawn.sum(axis=0), np.minimum(table.sum(axis=0), budget))
    # Nobody who still waits has drawn less than another one but for the last round.
    for order in range(3):
        waiting = drawn[:, order] < table[:, order]
        if waiting.any():
            assert drawn[waiting, order].min() >= drawn[:, order].max() - 1


def test_who_draws_in_the_last_round_changes_from_order_to_order() -> None:
    drawn = share_budget(np.full((4, 4), 5), 6)
    assert drawn.sum(axis=1).tolist() == drawn.sum(axis=0).tolist() == [6] * 4


def test_what_solved_prompts_leave_goes_to_the_others() -> None:
    easy, hard = [sample(0, True)] * 8, [sample(1, False)] * 7 + [sample(0, True)]
    found = sharing_rivals([easy, hard], samples=4, confidence=0.95)
    solved = found["until_solved_shared"]
    # One sample for the easy prompt, and up to 7 of the 8 in its place for the hard one.
    assert solved[0].sequences == 1
    assert solved[1].pass_at_k == pytest.approx(7 / 8, abs=0.1)
    assert 4 < solved[1].sequences <= 7
    assert found["adaptive_consistency_shared"][0].sequences == 4
