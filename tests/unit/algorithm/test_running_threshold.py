"""The running percentile is numpy's, bit for bit, and does not slow down with its history."""

from __future__ import annotations

from time import perf_counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from eager.algorithm.entropy import RunningThreshold

entropies = st.one_of(st.floats(0, 3), st.sampled_from([0.0, 1.0, 1.5, 2.0]))


@settings(max_examples=1000)
@given(
    st.lists(st.lists(entropies, max_size=6), max_size=30),
    st.floats(0, 3),
    st.one_of(st.sampled_from([0, 50, 99, 100]), st.floats(0, 100)),
)
def test_equals_numpy(batches: list[list[float]], theta: float, percentile: float) -> None:
    running = RunningThreshold(theta, percentile)
    history: list[float] = []
    assert running.value() == theta
    for batch in batches:
        running.add(batch)
        history += batch
        if history:
            assert running.value() == max(theta, float(np.percentile(history, percentile)))


def cost_of_addition(running: RunningThreshold, values: list[float]) -> float:
    best = float("inf")
    for start in range(0, len(values), 1000):
        begin = perf_counter()
        for value in values[start : start + 1000]:
            running.value()
            running.add((value,))
        best = min(best, perf_counter() - begin)
    return best


def test_cost_grows_at_most_with_the_logarithm() -> None:
    # theta 0 keeps every entropy, the worst case; a copy sorted again would be 100 times slower.
    values = np.random.default_rng(0).gamma(0.5, 0.6, 210_000).tolist()
    running = RunningThreshold(0.0, 99)
    first = cost_of_addition(running, values[:10_000])
    running.add(values[10_000:200_000])
    assert cost_of_addition(running, values[200_000:]) < 4 * first
