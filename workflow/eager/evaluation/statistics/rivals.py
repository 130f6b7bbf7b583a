"""Simple rivals of branching: Full Parallel's samples, drawn one after another until enough.

Each is an expectation over orders of the samples that there are: no sample is drawn again. Drawing
one after another costs latency, which is what the rounds count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import stats

from eager.evaluation.statistics.draws import Draws, Integers, draw, orders_of
from eager.evaluation.statistics.metrics import SequenceResult


class Rival(NamedTuple):
    """What a rival reaches on one prompt, expected over orders.

    Attributes:
        pass_at_k: chance of a right sample among those drawn.
        cons_at_max: chance that their majority answer is right.
        pass_rate: share of right ones among them.
        tokens: of those drawn.
        tokens_upstream: the same in the authors' count.
        sequences: how many are drawn.
        rounds: how many times it waits for samples before it goes on.
    """

    pass_at_k: float
    cons_at_max: float
    pass_rate: float
    tokens: float
    tokens_upstream: float
    sequences: float
    rounds: float


class Settings(NamedTuple):
    """Parameters of the rivals that stop without labels.

    Attributes:
        window: samples that `early_stopping` draws at once.
        confidence: what `adaptive_consistency` asks of the leading answer.
    """

    window: int
    confidence: float


def rivals_of(samples: Sequence[SequenceResult], settings: Settings) -> dict[str, Rival]:
    """Every rival on the samples of one prompt.

    Raises:
        ValueError: there is no sample.
    """
    if not samples:
        raise ValueError("a rival draws samples, and the prompt has none")
    return _rivals(tuple(samples), settings)


@lru_cache(maxsize=4096)
def _rivals(samples: tuple[SequenceResult, ...], settings: Settings) -> dict[str, Rival]:
    draws = draw(samples, orders_of(len(samples)))
    return {name: rival(draws, settings) for name, rival in RIVALS.items()}


def until_solved(draws: Draws, settings: Settings) -> Rival:  # noqa: ARG001
    """Stop at the first right sample: knows the right answer, as full EAGer does."""
    drawn = _first(draws.right)
    return _outcome(draws, drawn, drawn)


def early_stopping(draws: Draws, settings: Settings) -> Rival:
    """Draw windows of samples; stop after one whose answers are all the same.

    All samples drawn vote. Samples without an answer agree with nothing. What is left at the end
    of the samples is a smaller window.

    Source: Li et al. 2024, Escape Sky-high Cost, arXiv 2401.10480 (ESC).
    """
    rows, many = draws.candidates.shape
    stop = np.zeros((rows, many), bool)
    for end in range(settings.window, many + 1, settings.window):
        window = draws.candidates[:, end - settings.window : end]
        stop[:, end - 1] = np.all((window == window[:, :1]) & (window >= 0), axis=1)
    drawn = _first(stop)
    return _outcome(draws, drawn, np.ceil(drawn / settings.window))


def adaptive_consistency(draws: Draws, settings: Settings) -> Rival:
    """Draw one by one; stop when the leading answer is likely to be the majority.

    With a and b votes of the leading and the next answer, the chance that the leading one is the
    more likely of the two is that of a Beta(a + 1, b + 1) variable above one half.

    Source: Aggarwal et al. 2023, Let's Sample Step by Step, arXiv 2305.11860 (Beta criterion).
    """
    many = draws.leading.shape[1]
    votes = np.arange(many + 1)
    certain = stats.beta.sf(0.5, votes[:, None] + 1, votes[None, :] + 1) > settings.confidence
    drawn = _first(certain[draws.leading, draws.second])
    return _outcome(draws, drawn, drawn)


RIVALS: dict[str, Callable[[Draws, Settings], Rival]] = {
    "until_solved": until_solved,
    "early_stopping": early_stopping,
    "adaptive_consistency": adaptive_consistency,
}


def _first(stop: np.ndarray) -> Integers:
    """Samples drawn in each order: up to the first that says stop, else all."""
    return np.where(stop.any(axis=1), stop.argmax(axis=1) + 1, stop.shape[1])


def _outcome(draws: Draws, drawn: Integers, rounds: np.ndarray) -> Rival:
    every, last = np.arange(len(drawn)), drawn - 1
    right = np.cumsum(draws.right, axis=1)[every, last]
    return Rival(
        pass_at_k=float(np.mean(right > 0)),
        cons_at_max=float(np.mean(draws.majority_right[every, last])),
        pass_rate=float(np.mean(right / drawn)),
        tokens=float(np.mean(np.cumsum(draws.tokens, axis=1)[every, last])),
        tokens_upstream=float(np.mean(np.cumsum(draws.tokens_upstream, axis=1)[every, last])),
        sequences=float(np.mean(drawn)),
        rounds=float(np.mean(rounds)),
    )
