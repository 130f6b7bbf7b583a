"""How much of what is generated is new: different answers per sequence and per token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from eager.evaluation.statistics.metrics import SequenceResult


class Diversity(NamedTuple):
    """Different answers of all prompts together; None where there is nothing to divide by.

    Attributes:
        per_sequence: divided by the sequences.
        per_1000_tokens: by thousands of generated tokens.
    """

    per_sequence: float | None
    per_1000_tokens: float | None


def distinct_answers(sequences: Sequence[SequenceResult]) -> int:
    """Different answers of a prompt; a sequence without one adds nothing."""
    return len({s.candidate for s in sequences if s.candidate is not None})


def diversity(prompts: Sequence[Sequence[SequenceResult]]) -> Diversity:
    """Different answers per sequence and per 1,000 tokens, over all prompts."""
    answers = sum(map(distinct_answers, prompts))
    sequences = sum(map(len, prompts))
    tokens = sum(s.tokens for prompt in prompts for s in prompt)
    return Diversity(
        answers / sequences if sequences else None, 1000 * answers / tokens if tokens else None
    )
