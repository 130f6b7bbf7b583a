"""Samples of one prompt drawn one after another: what is known after each draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from math import factorial

import numpy as np
from numpy.typing import NDArray

from eager.evaluation.statistics.metrics import SequenceResult

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

SEED = 55
MOST_ORDERS = 720
"""All orders of up to 6 samples; of more samples as many seeded random ones."""


@dataclass(frozen=True)
class Draws:
    """State after each draw; arrays have a row per order and a column per draw.

    Attributes:
        right: the sample drawn is right.
        candidates: number of its answer; -1: none.
        majority_right: the answer that leads after this draw is right.
        leading: votes of the answer that leads.
        second: votes of the next one.
        tokens: of the sample drawn.
        tokens_upstream: the same in the authors' count.
    """

    right: Flags
    candidates: Integers
    majority_right: Flags
    leading: Integers
    second: Integers
    tokens: Integers
    tokens_upstream: Integers


def orders_of(samples: int) -> Integers:
    """Orders to draw samples in, one per row: all of them where they are few, else random ones."""
    if factorial(min(samples, 20)) <= MOST_ORDERS:
        return np.array(list(permutations(range(samples))), dtype=np.int64)
    rng = np.random.default_rng(SEED)
    return rng.permuted(np.tile(np.arange(samples), (MOST_ORDERS, 1)), axis=1)


def draw(samples: Sequence[SequenceResult], orders: Integers, *, by_index: bool = False) -> Draws:
    """Draw the samples of a prompt in each of the orders.

    Args:
        samples: at least one.
        orders: shape (orders, samples).
        by_index: of answers with equally many votes the one whose sample has the smallest index
            leads, as in a whole result; else the one drawn first.
    """
    candidates, groups = _numbered(samples)
    right = np.array([s.correct for s in samples])
    rows, many = orders.shape
    votes = np.zeros((rows, groups + 1), np.int64)
    first = np.full((rows, groups + 1), many, np.int64)
    first_right = np.zeros((rows, groups + 1), bool)
    majority = np.zeros((rows, many), bool)
    leading, second = np.zeros((rows, many), np.int64), np.zeros((rows, many), np.int64)
    every = np.arange(rows)
    for place in range(many):
        index = orders[:, place]
        # Samples without an answer go to a last group, whose votes are never looked at.
        group = candidates[index]
        votes[every, group] += 1
        rank = index if by_index else np.full(rows, place)
        earlier = rank < first[every, group]
        first[every, group] = np.where(earlier, rank, first[every, group])
        first_right[every, group] = np.where(earlier, right[index], first_right[every, group])
        if groups == 0:
            continue
        best = np.argmax(votes[:, :groups] * (many + 1) - first[:, :groups], axis=1)
        leading[:, place] = votes[every, best]
        majority[:, place] = (leading[:, place] > 0) & first_right[every, best]
        if groups > 1:
            second[:, place] = np.partition(votes[:, :groups], groups - 2, axis=1)[:, groups - 2]
    known = np.where(candidates < groups, candidates, -1)
    tokens, upstream = (
        np.array([getattr(s, name) for s in samples], np.int64)[orders]
        for name in ("tokens", "tokens_upstream")
    )
    return Draws(right[orders], known[orders], majority, leading, second, tokens, upstream)


def _numbered(samples: Sequence[SequenceResult]) -> tuple[Integers, int]:
    """Group of each sample, and how many groups there are; no answer: the number after them."""
    names = list(dict.fromkeys(s.candidate for s in samples if s.candidate is not None))
    places = {name: place for place, name in enumerate(names)}
    groups = [len(names) if s.candidate is None else places[s.candidate] for s in samples]
    return np.array(groups, dtype=np.int64), len(names)
