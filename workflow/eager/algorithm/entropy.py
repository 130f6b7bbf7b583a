"""Top-K token entropy and the running threshold taken from its history.

Units: nats. Pure functions of numbers; no engine, no files.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush
from math import floor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


def top_k_entropy(logprobs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shannon entropy of the renormalised top-K distribution of each row.

    Args:
        logprobs: natural log-probabilities, shape (rows, K), before temperature, any order
            within a row. Minus infinity is a probability of zero.

    Returns:
        Entropies in nats, shape (rows,), each in [0, ln K].

    Source: the paper's definition of token entropy over the K most likely tokens.
    """
    shifted = logprobs - logprobs.max(axis=1, keepdims=True)
    weights = np.exp(shifted)
    total = weights.sum(axis=1)
    products = np.multiply(weights, shifted, where=weights > 0, out=np.zeros_like(weights))
    entropies: NDArray[np.float64] = np.log(total) - products.sum(axis=1) / total
    return np.maximum(entropies, 0.0)


class History(NamedTuple):
    """What a running threshold knows of the entropies (nats) that it was given.

    Attributes:
        above: those above theta.
        below_count: number of the others.
        below_max: the largest of the others.
    """

    above: list[float]
    below_count: int
    below_max: float


class RunningThreshold:
    """max(theta, q-th percentile of all entropies added so far), exact, O(log n) per addition.

    The percentile interpolates linearly, as `numpy.percentile` does by default, and equals it
    bit for bit. Only entropies above theta are kept: as long as the percentile's upper
    neighbour is at or below theta the answer is theta, and otherwise only the largest of the
    entropies at or below theta can be the lower neighbour. With the usual theta that is about
    one token in a hundred, so the history costs next to no memory.

    Args:
        entropy_threshold: theta, in nats.
        percentile: q, in [0, 100].
    """

    __slots__ = ("_above", "_below_count", "_below_max", "_lower", "_quantile", "_theta")

    def __init__(self, entropy_threshold: float, percentile: float) -> None:
        self._theta = entropy_threshold
        self._quantile = percentile / 100
        self._below_count = 0
        self._below_max = -np.inf
        # Entropies above theta, split at the percentile: `_lower` is a max-heap (negated).
        self._lower: list[float] = []
        self._above: list[float] = []

    def add(self, entropies: Iterable[float]) -> None:
        """Record entropies (nats)."""
        for entropy in entropies:
            if entropy <= self._theta:
                self._below_count += 1
                self._below_max = max(self._below_max, entropy)
            elif self._lower and entropy < -self._lower[0]:
                heappush(self._lower, -entropy)
            else:
                heappush(self._above, entropy)

    @property
    def history(self) -> History:
        """All that has been added, as far as the threshold depends on it."""
        above = [*(-entropy for entropy in self._lower), *self._above]
        return History(above, self._below_count, self._below_max)

    @history.setter
    def history(self, history: History) -> None:
        above, self._below_count, self._below_max = history
        self._lower, self._above = [], sorted(above)

    def value(self) -> float:
        """The threshold now, in nats; theta while nothing has been recorded."""
        count = self._below_count + len(self._lower) + len(self._above)
        if count == 0:
            return self._theta
        virtual_index = self._quantile * (count - 1)
        previous_index = floor(virtual_index)
        # How many of the entropies above theta lie at or before the lower neighbour.
        split = previous_index + 1 - self._below_count
        if split < 0:
            return self._theta
        self._move_split(split)
        lower = -self._lower[0] if self._lower else self._below_max
        upper = self._above[0] if self._above else lower
        return max(self._theta, _interpolate(lower, upper, virtual_index - previous_index))

    def _move_split(self, split: int) -> None:
        while len(self._lower) < split:
            heappush(self._lower, -heappop(self._above))
        while len(self._lower) > split:
            heappush(self._above, -heappop(self._lower))


def _interpolate(lower: float, upper: float, fraction: float) -> float:
    """Linear interpolation with numpy's choice of the end it starts from, for equal bits."""
    difference = upper - lower
    if fraction >= 0.5:
        return upper - difference * (1 - fraction)
    return lower + difference * fraction
