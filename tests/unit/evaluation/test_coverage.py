"""The small part of `python -m tests.benchmarks.coverage`: intervals hold what they say."""

from __future__ import annotations

import pytest

from tests.benchmarks.coverage import Size, simulate

MANY_HARD, ALL_OR_NONE = (0.4, 0.6), (0.15, 0.1)


@pytest.mark.parametrize(
    "size",
    [
        Size(14, 6, 4, 1, MANY_HARD),
        Size(30, 32, 16, 1, MANY_HARD),
        Size(30, 32, 16, 2, ALL_OR_NONE),
        Size(30, 32, 24, 1, MANY_HARD),
    ],
)
def test_without_a_difference_few_intervals_say_there_is_one(size: Size) -> None:
    # Of 400 runs at 2.5 % on either side 23 or more are less likely than one in 5,000.
    hold, better, worse = simulate(size, 400)
    assert hold >= 0.925
    assert max(better, worse) < 0.0575


def test_more_seeds_find_more() -> None:
    power = [
        simulate(Size(30, 32, 12, seeds, MANY_HARD), 100, gain=2).better for seeds in (1, 2, 5)
    ]
    assert power[0] + 0.1 < power[1] < power[2] - 0.1
