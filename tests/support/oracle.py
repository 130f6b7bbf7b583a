"""A literal, slow reading of the method over a scripted model: what the fast code must equal.

Nothing of the package is used here. The script is a function from a sequence's token ids to the
model's next step, as a hash of the ids, so that equal prefixes get equal distributions.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

END = 0
"""The token that ends a sequence."""


@dataclass
class Step:
    """What a model says at one position: top tokens with probabilities, and what was sampled."""

    tokens: list[int]
    probabilities: list[float]
    sampled: int


Script = Callable[[tuple[int, ...], int], Step]
"""(ids so far, index of the sequence) -> the model's step there."""


@dataclass
class OracleSequence:
    ids: list[int] = field(default_factory=list)
    entropies: list[float | None] = field(default_factory=list)
    parent: int | None = None
    fork_position: int = 0
    finish: str | None = None


@dataclass
class OracleTree:
    sequences: list[OracleSequence]
    branches: list[tuple[int, int, int, int, float, float, int, int, int]]


def entropy(step: Step) -> float:
    """Renormalise, then minus the sum of p ln p."""
    total = sum(step.probabilities)
    return -sum(p / total * math.log(p / total) for p in step.probabilities if p > 0)


def contains(ids: list[int], marker: tuple[int, ...]) -> bool:
    """Whether the marker stands anywhere in the ids."""
    size = len(marker)
    return size > 0 and any(tuple(ids[i : i + size]) == marker for i in range(len(ids) - size + 1))


def finish_reason(ids: list[int], end_of_sequence: set[int], max_tokens: int) -> str | None:
    """Why a sequence has ended; None: it has not."""
    if ids[-1] in end_of_sequence:
        return "stop"
    return "length" if len(ids) >= max_tokens else None


def eager_init(
    script: Script,
    *,
    max_sequences: int,
    theta: float,
    percentile: float,
    patience: int,
    max_tokens: int,
    end_of_sequence: set[int],
    marker: tuple[int, ...],
) -> OracleTree:
    """EAGer-init, sentence by sentence."""
    sequences = [OracleSequence()]
    branches: list[tuple[int, int, int, int, float, float, int, int, int]] = []
    ended = max_sequences <= 1
    without_branch = 0
    step_number = 0
    while any(s.finish is None for s in sequences):
        recorded = [e for s in sequences for e in s.entropies if e is not None]
        threshold = theta
        if recorded:
            threshold = max(theta, float(np.percentile(recorded, percentile)))
        branched = False
        for index in [i for i, s in enumerate(sequences) if s.finish is None]:
            sequence = sequences[index]
            step = script(tuple(sequence.ids), index)
            h, before = entropy(step), list(sequence.ids)
            if (
                h > threshold
                and len(sequences) < max_sequences
                and not ended
                and step.sampled not in end_of_sequence
                and not contains([*before, step.sampled], marker)
            ):
                best, second, *_ = step.tokens
                chosen = (step.sampled, best, second)
                child = OracleSequence(
                    ids=[*before, second],
                    entropies=[None] * (len(before) + 1),
                    parent=index,
                    fork_position=len(before),
                )
                branches.append(
                    (step_number, len(before), index, len(sequences), h, threshold, *chosen)
                )
                sequences.append(child)
                sequence.ids.append(best)
                branched = True
                touched = [sequence, child]
            else:
                sequence.ids.append(step.sampled)
                touched = [sequence]
            sequence.entropies.append(None if ended else h)
            for one in touched:
                one.finish = finish_reason(one.ids, end_of_sequence, max_tokens)
        step_number += 1
        without_branch = 0 if branched else without_branch + 1
        if len(sequences) >= max_sequences or without_branch >= patience:
            ended = True
    return OracleTree(sequences, branches)


def shares(
    method: str, counts: list[int], solved: list[bool], max_sequences: int
) -> tuple[int, list[int]]:
    """Budget and shares, one sequence handed out at a time."""
    budget = max_sequences * len(counts) - sum(counts)
    given = [0] * len(counts)
    saturated = [i for i, c in enumerate(counts) if c == max_sequences]
    if method == "eager_adapt":
        groups, cap = [saturated], 3 * max_sequences
    else:
        unsolved = [i for i in range(len(counts)) if not solved[i]]
        groups = [
            [i for i in unsolved if i in saturated],
            [i for i in unsolved if i not in saturated],
        ]
        cap = max_sequences
    left = budget
    for group in groups:
        # Even shares mean one at a time, round and round; what falls over the cap is not kept.
        assigned = [0] * len(group)
        for card in range(left if group else 0):
            assigned[card % len(group)] += 1
        for position, index in enumerate(group):
            given[index] = min(cap, assigned[position])
            left -= given[index]
    return budget, given


def thresholds(theta: float, saturated: bool, rounds: int) -> list[float]:
    """Thresholds of the rounds, lowered step by step."""
    current, result = theta, []
    for number in range(1, rounds + 1):
        if not saturated:
            current *= 0.8
        if (saturated and number == 3) or (not saturated and number >= 3):
            current *= 0.9
        result.append(current)
    return result


def random_script(
    seed: int, vocabulary: int, end: int, marker: tuple[int, ...], ties: bool
) -> Script:
    """A model that is a hash of the ids before it: flat or peaked, now and then with ties."""

    def script(ids: tuple[int, ...], index: int) -> Step:
        source = random.Random(f"{seed}/{ids}/{index if len(ids) == 0 else 0}")
        tokens = source.sample(range(vocabulary), min(vocabulary, 6))
        if ties and source.random() < 0.3:
            probabilities = [1 / len(tokens)] * len(tokens)
        else:
            sharpness = source.choice([0.1, 1.0, 5.0])
            weights = sorted((source.random() ** sharpness for _ in tokens), reverse=True)
            probabilities = [w / sum(weights) for w in weights]
        roll = source.random()
        if roll < 0.08:
            sampled = end
        elif marker and roll < 0.2:
            # Spell the marker out, from wherever its beginning already stands.
            done = next((n for n in range(len(marker) - 1, 0, -1) if ids[-n:] == marker[:n]), 0)
            sampled = marker[done]
        else:
            sampled = source.choices(tokens, probabilities)[0]
        return Step(tokens, probabilities, sampled)

    return script
