"""Who gets the budget that EAGer-init saved, and with which thresholds: pure functions.

Source: the paper's EAGer-adapt (no labels) and full EAGer (with labels). Letters in comments are
the points of `rules.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from eager.algorithm.rules import DESCRIBED, Points

BudgetMethod = Literal["eager_adapt", "eager"]

THRESHOLD_FACTOR = 0.8
"""A prompt under M lowers its threshold by 20 % at each round."""
LATE_ROUND_FACTOR = 0.9
"""From the third round on, a further 10 % off: at each round for a prompt under M, once for a
saturated one (K)."""
FIRST_LATE_ROUND = 3


@dataclass(frozen=True, slots=True)
class InitialResult:
    """What EAGer-init left for one prompt. `solved` is None where labels may not be used."""

    prompt_id: str
    sequences: int
    solved: bool | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """The extra sequences one prompt gets, and why."""

    prompt_id: str
    initial_sequences: int
    saturated: bool
    solved: bool | None
    share: int
    reason: str


@dataclass(frozen=True, slots=True)
class Round:
    """One entropy-aware round of a prompt: roots, cap and threshold (nats).

    Round 0 is EAGer-init itself (or Full Parallel); budgeted rounds count from 1. `first` is the
    index of the first root, above 0 where Full Parallel adds samples to those that there are.
    """

    number: int
    roots: int
    max_sequences: int
    entropy_threshold: float
    first: int = 0


def saved_budget(initial: Sequence[InitialResult], max_sequences: int) -> int:
    """b: sequences that EAGer-init did not use, over all prompts (M * P - sum)."""
    return max_sequences * len(initial) - sum(result.sequences for result in initial)


def allocate(
    method: BudgetMethod,
    initial: Sequence[InitialResult],
    max_sequences: int,
    points: Points = DESCRIBED,
) -> list[Share]:
    """Share b among the prompts, in their order.

    EAGer-adapt serves the prompts that reached M, each with at most 3 * M. Full EAGer serves the
    prompts without a right sequence, each with at most M: those that reached M first, and with
    what is left of b those that did not (with point L, all of them alike).

    Raises:
        ValueError: full EAGer without labels.
    """
    if method == "eager" and any(result.solved is None for result in initial):
        raise ValueError("full EAGer needs to know of every prompt whether it is solved")
    budget = saved_budget(initial, max_sequences)
    saturated = [result.sequences >= max_sequences for result in initial]
    shares = share_out(method, initial, saturated, budget, max_sequences, points)
    return [
        _explain(method, result, share, max_sequences)
        for result, share in zip(initial, shares, strict=True)
    ]


def share_out(
    method: BudgetMethod,
    initial: Sequence[InitialResult],
    saturated: Sequence[bool],
    budget: int,
    max_sequences: int,
    points: Points = DESCRIBED,
) -> list[int | None]:
    """How many extra sequences each prompt gets; None: it may not get any.

    Args:
        method: who may get some, and how many at most.
        initial: what EAGer-init left, one per prompt.
        saturated: which of them reached the cap.
        budget: b.
        max_sequences: M.
        points: of the rule.
    """
    indices = range(len(initial))
    if method == "eager_adapt":
        groups, cap = [[i for i in indices if saturated[i]]], 3 * max_sequences
    else:
        unsolved = [i for i in indices if not initial[i].solved]
        groups = [[i for i in unsolved if saturated[i]], [i for i in unsolved if not saturated[i]]]
        if points.unsolved_share_alike:  # L
            groups = [[*groups[0], *groups[1]]]
        cap = max_sequences
    shares: list[int | None] = [None] * len(initial)
    for group in groups:
        for index, share in zip(group, split_evenly(budget, len(group), cap), strict=True):
            shares[index] = share
        budget -= sum(shares[index] or 0 for index in group)
    return shares


def split_evenly(budget: int, receivers: int, cap: int) -> list[int]:
    """Equal shares of a budget; the remainder goes one each to the first; each at most `cap`."""
    if receivers == 0:
        return []
    share, remainder = divmod(budget, receivers)
    return [min(cap, share + (position < remainder)) for position in range(receivers)]


def round_threshold(entropy_threshold: float, saturated: bool, number: int) -> float:
    """Threshold of a prompt's budgeted round (from 1), in nats.

    A saturated prompt keeps theta, and 0.9 theta from the third round on; one under M starts at
    0.8 theta and lowers it by 20 % per round, from the third round on by a further 10 % per round.
    """
    late_rounds = max(0, number - FIRST_LATE_ROUND + 1)
    if saturated:
        return entropy_threshold * LATE_ROUND_FACTOR ** min(late_rounds, 1)
    return entropy_threshold * THRESHOLD_FACTOR**number * LATE_ROUND_FACTOR**late_rounds


def next_round(
    share: Share,
    generated: int,
    finished_rounds: int,
    entropy_threshold: float,
    points: Points = DESCRIBED,
) -> Round | None:
    """The round that follows, or None when a prompt has its share.

    A round is capped at what is left of the share, and at nothing else; with point G at the share.

    Args:
        share: what the prompt was given.
        generated: extra sequences it has from the rounds so far.
        finished_rounds: how many budgeted rounds it has had.
        entropy_threshold: theta of the cell, in nats.
        points: of the rule.
    """
    left = share.share - generated
    if left <= 0:
        return None
    number = finished_rounds + 1
    threshold = round_threshold(entropy_threshold, share.saturated, number)
    cap = share.share if points.round_may_fill_share else left  # G
    return Round(number, 1, cap, threshold)


def _explain(
    method: BudgetMethod, result: InitialResult, share: int | None, max_sequences: int
) -> Share:
    saturated = result.sequences >= max_sequences
    state = (
        f"reached the cap of {max_sequences}"
        if saturated
        else f"stayed at {result.sequences} of {max_sequences}"
    )
    if method == "eager":
        state += ", solved" if result.solved else ", no right sequence"
    outcome = f"gets {share}" if share else "gets nothing"
    if share == 0:
        outcome = "nothing is left of the budget"
    return Share(
        prompt_id=result.prompt_id,
        initial_sequences=result.sequences,
        saturated=saturated,
        solved=result.solved,
        share=share or 0,
        reason=f"{state}: {outcome}",
    )
