"""Partition of prompts into shards: every prompt once, shards of about the same cost."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eager.generation.shards import Shard, estimated_cost, partition
from eager.util.errors import EagerError

COSTS = st.lists(st.integers(0, 1000).map(float), max_size=40)


@given(COSTS, st.integers(1, 9))
def test_every_prompt_is_dealt_once_and_in_order(costs: list[float], count: int) -> None:
    bins = partition(costs, count)
    assert len(bins) == count
    assert sorted(itertools.chain(*bins)) == list(range(len(costs)))
    assert all(hand == sorted(hand) for hand in bins)
    assert bins == partition(costs, count)


@given(st.lists(st.integers(1, 50).map(float), min_size=1, max_size=7), st.integers(1, 3))
def test_no_shard_has_more_than_four_thirds_of_the_best(costs: list[float], count: int) -> None:
    def fullest(bins: list[list[int]]) -> float:
        return max(sum(costs[index] for index in hand) for hand in bins)

    best = min(
        fullest([[i for i, owner in enumerate(owners) if owner == s] for s in range(count)])
        for owners in itertools.product(range(count), repeat=len(costs))
    )
    assert fullest(partition(costs, count)) <= (4 / 3 - 1 / (3 * count)) * best + 1e-9


def test_equal_costs_are_dealt_evenly_also_where_they_are_nothing() -> None:
    assert [len(hand) for hand in partition([7.0] * 10, 4)] == [3, 3, 2, 2]
    assert [len(hand) for hand in partition([0.0] * 10, 4)] == [3, 3, 2, 2]


def test_a_prompt_without_a_share_costs_nothing() -> None:
    assert estimated_cost(100, 0, 5000) == 0
    assert estimated_cost(100, 3, 5000) == 15100


def test_a_shard_is_written_as_it_is_read() -> None:
    assert str(Shard.parse("2-of-12")) == "2-of-12"
    for text in ("0-of-2", "3-of-2", "2", "a-of-b", "1-of-2-of-3"):
        with pytest.raises(EagerError, match="write for instance 1-of-4"):
            Shard.parse(text)
