"""Simple rivals of branching: Full Parallel's samples, drawn one after another until enough.

Each is an expectation over orders of the samples that there are: no sample is drawn again. Drawing
one after another costs latency, which is what the rounds count. With more samples than M per prompt
prompts can also share a budget, as those of the EAGer methods do.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import stats

from eager.evaluation.statistics.draws import SEED, Draws, Integers, draw, orders_of
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


SHARING = ("until_solved", "adaptive_consistency")
"""Rivals that can go on where the samples that others saved are left; their names get `_shared`."""
ORDERS = 100
"""Random orders in which prompts that share a budget draw their samples."""


def rivals_of(
    samples: Sequence[SequenceResult], window: int, confidence: float
) -> dict[str, Rival]:
    """Every rival on the samples of one prompt.

    Args:
        samples: of Full Parallel.
        window: samples that `early_stopping` draws at once.
        confidence: what `adaptive_consistency` asks of the leading answer.

    Raises:
        ValueError: there is no sample.
    """
    if not samples:
        raise ValueError("a rival draws samples, and the prompt has none")
    return _rivals(tuple(samples), window, confidence)


@lru_cache(maxsize=4096)
def _rivals(
    samples: tuple[SequenceResult, ...], window: int, confidence: float
) -> dict[str, Rival]:
    draws = draw(samples, orders_of(len(samples)))
    windows = early_stopping(draws, window)
    found = {name: (drawn, drawn) for name, drawn in _needed(draws, confidence).items()}
    found["early_stopping"] = windows, np.ceil(windows / window).astype(np.int64)
    return {name: _outcome(draws, drawn, rounds) for name, (drawn, rounds) in found.items()}


def sharing_rivals(
    prompts: Sequence[Sequence[SequenceResult]], samples: int, confidence: float
) -> dict[str, list[Rival]]:
    """Rivals that share one budget: what one prompt does not draw another one may.

    All prompts draw in turn, a sample each, until they have enough or the budget is spent.

    Args:
        prompts: samples of each, more than `samples`: of several seeds, or of a larger M.
        samples: the budget per prompt.
        confidence: what `adaptive_consistency_shared` asks of the leading answer.

    Returns:
        By rival an outcome per prompt, expected over orders.
    """
    fewest = min(map(len, prompts))
    orders = np.random.default_rng(SEED).permuted(
        np.tile(np.arange(fewest), (len(prompts), ORDERS, 1)), axis=2
    )
    drawn = [draw(some[:fewest], order) for some, order in zip(prompts, orders, strict=True)]
    needed = [_needed(draws, confidence) for draws in drawn]
    found = {}
    for name in SHARING:
        shares = share_budget(np.array([one[name] for one in needed]), samples * len(prompts))
        found[f"{name}_shared"] = [
            _outcome(draws, share, share) for draws, share in zip(drawn, shares, strict=True)
        ]
    return found


def share_budget(needed: Integers, budget: int) -> Integers:
    """What each prompt draws when all draw in turn until they have enough, or nothing is left.

    Args:
        needed: samples after which a prompt has enough; shape (prompts, orders).
        budget: samples of all prompts, at least one each.
    """
    rounds = [np.minimum(needed, most).sum(axis=0) for most in range(1, needed.max() + 1)]
    whole = np.sum(np.array(rounds) <= budget, axis=0)
    shared = np.minimum(needed, whole)
    # The last round is not everybody's; who begins it changes from order to order.
    waiting = needed > whole
    places = np.arange(needed.shape[1])
    turned = (np.arange(len(needed))[:, None] + places) % len(needed)
    last = np.cumsum(waiting[turned, places], axis=0) <= budget - shared.sum(axis=0)
    served = np.empty_like(waiting)
    served[turned, places] = last
    return np.asarray(shared + (waiting & served))


def until_solved(draws: Draws) -> Integers:
    """Stop at the first right sample: knows the right answer, as full EAGer does."""
    return _first(draws.right)


def early_stopping(draws: Draws, window: int) -> Integers:
    """Draw windows of samples; stop after one whose answers are all the same.

    All samples drawn vote. Samples without an answer agree with nothing. What is left at the end
    of the samples is a smaller window.

    Source: Li et al. 2024, Escape Sky-high Cost, arXiv 2401.10480 (ESC).
    """
    rows, many = draws.candidates.shape
    stop = np.zeros((rows, many), bool)
    for end in range(window, many + 1, window):
        drawn = draws.candidates[:, end - window : end]
        stop[:, end - 1] = np.all((drawn == drawn[:, :1]) & (drawn >= 0), axis=1)
    return _first(stop)


def adaptive_consistency(draws: Draws, confidence: float) -> Integers:
    """Draw one by one; stop when the leading answer is likely to be the majority.

    With a and b votes of the leading and the next answer, the chance that the leading one is the
    more likely of the two is that of a Beta(a + 1, b + 1) variable above one half.

    Source: Aggarwal et al. 2023, Let's Sample Step by Step, arXiv 2305.11860 (Beta criterion).
    """
    votes = np.arange(draws.leading.shape[1] + 1)
    certain = stats.beta.sf(0.5, votes[:, None] + 1, votes[None, :] + 1) > confidence
    return _first(certain[draws.leading, draws.second])


def _needed(draws: Draws, confidence: float) -> dict[str, Integers]:
    """Samples after which the rivals that draw one by one have enough, in each order."""
    return {
        "until_solved": until_solved(draws),
        "adaptive_consistency": adaptive_consistency(draws, confidence),
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
