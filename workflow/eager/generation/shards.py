"""Which prompts each job of a generation takes. Pure; nothing here changes a result."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from eager.util.errors import EagerError


@dataclass(frozen=True)
class Shard:
    """One of the jobs that share a generation, written as `1-of-4`."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}-of-{self.count}"

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read `1-of-4`.

        Raises:
            EagerError: it is not of that form, or there is no such shard.
        """
        if match := re.fullmatch(r"(\d+)-of-(\d+)", text):
            shard = cls(int(match[1]), int(match[2]))
            if 1 <= shard.number <= shard.count:
                return shard
        raise EagerError(f"--shard: {text!r} is no shard; write for instance 1-of-4")


WHOLE = Shard(1, 1)


def estimated_cost(prompt_tokens: int, sequences: float, answer_tokens: float) -> float:
    """Tokens that a prompt is expected to take through the model; 0 where nothing is generated."""
    return prompt_tokens + sequences * answer_tokens if sequences else 0.0


def partition(costs: Sequence[float], count: int) -> list[list[int]]:
    """Assign prompts to shards so that these cost about the same.

    The costliest prompt goes first, each to the shard that has least so far (Graham's LPT rule: the
    fullest shard has at most 4/3 of what the best assignment would give it). Ties go by position,
    so every job finds the same assignment.

    Args:
        costs: estimated cost of each prompt.
        count: number of shards.

    Returns:
        For each shard the indices of its prompts, ascending; every index in exactly one.
    """
    bins: list[list[int]] = [[] for _ in range(count)]
    totals = [0.0] * count
    for index in sorted(range(len(costs)), key=lambda index: (-costs[index], index)):
        lightest = min(range(count), key=lambda shard: (totals[shard], len(bins[shard]), shard))
        bins[lightest].append(index)
        totals[lightest] += costs[index]
    return [sorted(shard) for shard in bins]
