"""Who gets the budget that EAGer-init saved, and with which thresholds: pure functions.

Source: the paper's EAGer-adapt (no labels) and full EAGer (with labels).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

BudgetMethod = Literal["eager_adapt", "eager"]

THRESHOLD_FACTOR = 0.8
"""A prompt under M lowers its threshold by 20 % at each round."""
LATE_ROUND_FACTOR = 0.9
"""From the third round on, a further 10 % off at each round."""
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
    """One entropy-aware round of a prompt: fresh starts, cap and threshold (nats).

    Round 0 is EAGer-init itself (or Full Parallel); budgeted rounds count from 1.
    """

    number: int
    roots: int
    max_sequences: int
    entropy_threshold: float


def saved_budget(initial: Sequence[InitialResult], max_sequences: int) -> int:
    """b: sequences that EAGer-init did not use, over all prompts (M * P - sum)."""
    return max_sequences * len(initial) - sum(result.sequences for result in initial)


def allocate(
    method: BudgetMethod, initial: Sequence[InitialResult], max_sequences: int
) -> list[Share]:
    """Share b among the prompts, in their order.

    EAGer-adapt serves the prompts that reached M, each with at most 3 * M. Full EAGer serves the
    prompts without a right sequence, each with at most M: those that reached M first, and with
    what is left of b those that did not.

    Raises:
        ValueError: full EAGer without labels.
    """
    budget = saved_budget(initial, max_sequences)
    if method == "eager_adapt":
        groups = [_indices(initial, lambda r: r.sequences >= max_sequences)]
        cap = 3 * max_sequences
    else:
        if any(result.solved is None for result in initial):
            raise ValueError("full EAGer needs to know of every prompt whether it is solved")
        groups = [
            _indices(initial, lambda r: not r.solved and r.sequences >= max_sequences),
            _indices(initial, lambda r: not r.solved and r.sequences < max_sequences),
        ]
        cap = max_sequences
    shares = dict.fromkeys(range(len(initial)), 0)
    for group in groups:
        given = split_evenly(budget, len(group), cap)
        shares.update(zip(group, given, strict=True))
        budget -= sum(given)
    eligible = {index for group in groups for index in group}
    return [
        _explain(method, result, shares[index], max_sequences, eligible=index in eligible)
        for index, result in enumerate(initial)
    ]


def split_evenly(budget: int, receivers: int, cap: int) -> list[int]:
    """Equal shares of a budget; the remainder goes one each to the first; each at most `cap`."""
    if receivers == 0:
        return []
    share, remainder = divmod(budget, receivers)
    return [min(cap, share + (position < remainder)) for position in range(receivers)]


def round_threshold(entropy_threshold: float, saturated: bool, number: int) -> float:
    """Threshold of a prompt's budgeted round (from 1), in nats.

    A saturated prompt keeps theta; one under M starts at 0.8 theta and lowers it by 20 % a round;
    from the third round on both lose a further 10 % a round.
    """
    factor: float = 1.0 if saturated else THRESHOLD_FACTOR**number
    return entropy_threshold * factor * LATE_ROUND_FACTOR ** max(0, number - FIRST_LATE_ROUND + 1)


def next_round(
    share: Share, generated: int, finished_rounds: int, entropy_threshold: float, max_sequences: int
) -> Round | None:
    """The round that follows, or None when a prompt has its share.

    Args:
        share: what the prompt was given.
        generated: extra sequences it has from the rounds so far.
        finished_rounds: how many budgeted rounds it has had.
        entropy_threshold: theta of the cell, in nats.
        max_sequences: M; a round is capped at M and at what is left of the share.
    """
    left = share.share - generated
    if left <= 0:
        return None
    number = finished_rounds + 1
    threshold = round_threshold(entropy_threshold, share.saturated, number)
    return Round(number, 1, min(left, max_sequences), threshold)


def _indices(
    initial: Sequence[InitialResult], chosen: Callable[[InitialResult], bool]
) -> list[int]:
    return [index for index, result in enumerate(initial) if chosen(result)]


def _explain(
    method: BudgetMethod, result: InitialResult, share: int, max_sequences: int, eligible: bool
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
    if eligible and not share:
        outcome = "nothing is left of the budget"
    return Share(
        prompt_id=result.prompt_id,
        initial_sequences=result.sequences,
        saturated=saturated,
        solved=result.solved,
        share=share,
        reason=f"{state}: {outcome}",
    )
