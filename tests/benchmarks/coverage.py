"""Simulated comparisons at equal tokens: how often intervals hold the truth, and find a difference.

Usage: python -m tests.benchmarks.coverage [RUNS]      a table of all sizes; 1000 runs take minutes

The made-up method is sampling under another name: k samples of its own against Full Parallel's M
on prompts whose difficulty is drawn. With gain 1 it is exactly as good; with gain 2 its answers are
those of 2 k samples at the cost of k.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np

from eager.evaluation.statistics.equal_compute import PairedResult, compare_at_equal_cost
from eager.evaluation.statistics.inference import Table
from eager.evaluation.statistics.metrics import unbiased_pass_at_k

SAMPLES = ((6, 4), (32, 4), (32, 12), (32, 16), (32, 24), (32, 30))
"""M, and k."""
DIFFICULTIES = ((0.4, 0.6), (0.15, 0.1))
"""Parameters of the Beta distribution of a prompt's chance of a right sample: many hard prompts,
and prompts that are nearly always or never solved."""


class Size(NamedTuple):
    """One simulated experiment: prompts, M, k, seeds, and how difficult prompts are."""

    prompts: int
    most: int
    samples: int
    seeds: int
    difficulty: tuple[float, float]


class Shares(NamedTuple):
    """Shares of the intervals that hold 0, that lie above it, and that lie below it."""

    hold: float
    better: float
    worse: float


def sizes() -> Iterator[Size]:
    """All sizes of the table."""
    for prompts, (most, k), seeds, difficulty in product(
        (14, 30, 198), SAMPLES, (1, 2, 5), DIFFICULTIES
    ):
        yield Size(prompts, most, k, seeds, difficulty)


def made_up(rng: np.random.Generator, size: Size, gain: float) -> PairedResult:
    """One experiment; hard prompts have longer samples, and lengths vary by a tenth."""
    shape = (size.prompts, size.seeds)
    chances = rng.beta(*size.difficulty, size=(size.prompts, 1))
    right = rng.binomial(size.most, chances, size=shape)
    length = 1000 * (2 - chances)
    tokens = length * rng.normal(1, 0.1, shape)
    solved = rng.random(shape) < 1 - (1 - chances) ** (size.samples * gain)
    cost = size.samples * length * rng.normal(1, 0.1, shape)
    curve = curves(size.most)[right]
    return PairedResult(solved.astype(float), curve, cost, tokens)


@cache
def curves(most: int) -> Table:
    """Pass@k of a prompt with c right samples of M: a row per c, a column per k from 0."""
    points = range(1, most + 1)
    rows = [[0.0, *(unbiased_pass_at_k(most, c, k) for k in points)] for c in range(most + 1)]
    return np.array(rows)


def simulate(size: Size, runs: int, gain: float = 1.0) -> Shares:
    """Compare made-up experiments, always the same ones.

    Those that used more than M samples of Full Parallel are not comparable, and not counted.
    """
    rng = np.random.default_rng([*size[:4], int(100 * size.difficulty[0])])
    counts = np.zeros(3)
    for _ in range(runs):
        found = compare_at_equal_cost([made_up(rng, size, gain)])
        if found is not None and found.difference.interval is not None:
            low, high = found.difference.interval
            counts += low <= 0 <= high, low > 0, high < 0
    return Shares(*(float(share) for share in counts / counts.sum()))


def main(runs: int) -> None:
    """Print the table of all sizes: without a difference, and the power for a gain of 2."""
    print("prompts | M | k | seeds | difficulty | holds 0 | better | worse | found at gain 2")
    for size in sizes():
        none, power = simulate(size, runs), simulate(size, runs, gain=2).better
        difficulty = "Beta({:g}, {:g})".format(*size.difficulty)
        shares = " | ".join(f"{share:.3f}" for share in (*none, power))
        print(" | ".join([*map(str, size[:4]), difficulty, shares]), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
