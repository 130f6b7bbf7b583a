"""Metrics from verdicts: pure functions of counts and flags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from statistics import fmean
from typing import NamedTuple


class SequenceResult(NamedTuple):
    """What the metrics need of one sequence.

    Attributes:
        candidate: number of its answer among the prompt's different ones; None: no answer.
        correct: right by our rule.
        correct_upstream: right by the authors' substring rule.
        tokens: tokens generated for it; inherited ones belong to its parent.
        tokens_upstream: the authors' count of the same.
    """

    candidate: int | None
    correct: bool
    correct_upstream: bool
    tokens: int
    tokens_upstream: int


@dataclass(frozen=True)
class Metrics:
    """Figures of one method in one cell; shares are in [0, 1], tokens and sequences totals.

    Different answers are counted within a prompt; None: no tokens to divide by.
    """

    prompts: int
    pass_at_k: float
    cons_at_max: float
    pass_rate: float
    sequences: int
    tokens: int
    tokens_upstream: int
    distinct_answers_per_sequence: float
    distinct_answers_per_1000_tokens: float | None
    tokens_per_prompt: float
    tokens_upstream_per_prompt: float


def measure(prompts: Sequence[Sequence[SequenceResult]]) -> Metrics:
    """Metrics over prompts, each given by its sequences in order.

    Raises:
        ValueError: there is no prompt, or a prompt without sequences.
    """
    if not prompts or not all(prompts):
        raise ValueError("metrics need at least one prompt, and a sequence of every prompt")
    sequences = [sequence for prompt in prompts for sequence in prompt]
    tokens = sum(s.tokens for s in sequences)
    tokens_upstream = sum(s.tokens_upstream for s in sequences)
    answers = sum(map(distinct_answers, prompts))
    return Metrics(
        prompts=len(prompts),
        pass_at_k=fmean(any(s.correct for s in prompt) for prompt in prompts),
        cons_at_max=fmean(majority_is_correct(prompt) for prompt in prompts),
        pass_rate=fmean(fmean(s.correct for s in prompt) for prompt in prompts),
        sequences=len(sequences),
        tokens=tokens,
        tokens_upstream=tokens_upstream,
        distinct_answers_per_sequence=answers / len(sequences),
        distinct_answers_per_1000_tokens=1000 * answers / tokens if tokens else None,
        tokens_per_prompt=tokens / len(prompts),
        tokens_upstream_per_prompt=tokens_upstream / len(prompts),
    )


def majority_is_correct(sequences: Sequence[SequenceResult]) -> bool:
    """Whether the most frequent answer is right (Cons@max of one prompt).

    Sequences without an answer do not vote; a tie goes to the answer seen first; no votes: wrong.
    """
    votes = Counter(s.candidate for s in sequences if s.candidate is not None)
    if not votes:
        return False
    # Counter keeps the order of first sight, and max takes the first of equals.
    winner = max(votes, key=lambda candidate: votes[candidate])
    return next(s.correct for s in sequences if s.candidate == winner)


def unbiased_pass_at_k(samples: int, correct: int, k: int) -> float:
    """Chance that k of n independent samples hold a right one: 1 - C(n-c, k) / C(n, k).

    Raises:
        ValueError: k is not in [1, n].

    Source: Chen et al. 2021, arXiv 2107.03374, section 2.1.
    """
    if not 1 <= k <= samples:
        raise ValueError(f"k is {k}; it must be between 1 and the {samples} samples")
    return 1 - comb(samples - correct, k) / comb(samples, k)


def distinct_answers(sequences: Sequence[SequenceResult]) -> int:
    """Different answers of a prompt; a sequence without one adds nothing."""
    return len({s.candidate for s in sequences if s.candidate is not None})
