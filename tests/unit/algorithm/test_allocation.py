"""Shares and rounds of cases worked out by hand, with the reasons as texts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eager.algorithm.allocation import (
    BudgetMethod,
    InitialResult,
    Round,
    Share,
    allocate,
    next_round,
    saved_budget,
    split_evenly,
)
from eager.algorithm.rules import AUTHORS


def initial(counts: list[int], solved: list[bool] | None = None) -> list[InitialResult]:
    flags: list[bool | None] = [None] * len(counts) if solved is None else [*solved]
    return [
        InitialResult(f"p{number}", count, flag)
        for number, (count, flag) in enumerate(zip(counts, flags, strict=True))
    ]


def test_without_labels_the_saturated_share_the_budget() -> None:
    prompts = initial([4, 1, 2, 4])
    assert saved_budget(prompts, 4) == 5
    assert allocate("eager_adapt", prompts, 4) == [
        Share("p0", 4, True, None, 3, "reached the cap of 4: gets 3"),
        Share("p1", 1, False, None, 0, "stayed at 1 of 4: gets nothing"),
        Share("p2", 2, False, None, 0, "stayed at 2 of 4: gets nothing"),
        Share("p3", 4, True, None, 2, "reached the cap of 4: gets 2"),
    ]


def test_with_labels_the_unsolved_are_served_saturated_ones_first() -> None:
    shares = allocate("eager", initial([1, 4, 2, 4], [False, False, True, True]), 4)
    assert shares == [
        Share("p0", 1, False, False, 1, "stayed at 1 of 4, no right sequence: gets 1"),
        Share("p1", 4, True, False, 4, "reached the cap of 4, no right sequence: gets 4"),
        Share("p2", 2, False, True, 0, "stayed at 2 of 4, solved: gets nothing"),
        Share("p3", 4, True, True, 0, "reached the cap of 4, solved: gets nothing"),
    ]


def test_who_is_served_last_learns_that_nothing_is_left() -> None:
    last = allocate("eager", initial([4, 3], [False, False]), 4)[1]
    assert last.share == 0
    assert last.reason == "stayed at 3 of 4, no right sequence: nothing is left of the budget"


@pytest.mark.parametrize(("method", "most"), [("eager_adapt", 6), ("eager", 2)])
def test_a_prompt_gets_at_most_its_cap(method: BudgetMethod, most: int) -> None:
    solved = None if method == "eager_adapt" else [False, *[True] * 8]
    assert [s.share for s in allocate(method, initial([2, *[1] * 8], solved), 2)] == [most] + [
        0
    ] * 8


def test_labels_may_not_be_missing() -> None:
    prompts = initial([1, 1], [True, False])
    prompts[1] = InitialResult("p1", 1)
    with pytest.raises(
        ValueError, match=r"^full EAGer needs to know of every prompt whether it is solved$"
    ):
        allocate("eager", prompts, 2)


@pytest.mark.parametrize(
    ("budget", "receivers", "cap", "shares"),
    [
        (7, 3, 9, [3, 2, 2]),
        (2, 3, 9, [1, 1, 0]),
        (9, 2, 3, [3, 3]),
        (5, 0, 9, []),
        (0, 2, 9, [0, 0]),
    ],
)
def test_even_shares(budget: int, receivers: int, cap: int, shares: list[int]) -> None:
    assert split_evenly(budget, receivers, cap) == shares


def test_rounds_of_a_prompt() -> None:
    share = Share("p", 1, False, None, 6, "")
    assert next_round(share, 0, 0, 2.0) == Round(1, 1, 6, pytest.approx(1.6))
    assert next_round(share, 3, 2, 2.0) == Round(3, 1, 3, pytest.approx(2 * 0.8**3 * 0.9))
    assert next_round(share, 5, 3, 2.0) == Round(4, 1, 1, pytest.approx(2 * 0.8**4 * 0.9**2))
    assert next_round(share, 6, 4, 2.0) is None
    saturated = replace(share, saturated=True)
    assert next_round(saturated, 0, 0, 2.0) == Round(1, 1, 6, 2.0)
    assert next_round(saturated, 5, 3, 2.0) == Round(4, 1, 1, pytest.approx(2 * 0.9))
    # The authors' program lets every round grow to the whole share.
    assert next_round(saturated, 5, 3, 2.0, AUTHORS) == Round(4, 1, 6, pytest.approx(2 * 0.9))
    assert next_round(saturated, 6, 3, 2.0, AUTHORS) is None
