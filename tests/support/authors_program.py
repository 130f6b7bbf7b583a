"""A literal, slow reading of what the authors' program was observed to do, over a scripted model.

As `oracle.py` is for the method as described: nothing of the package is used here. It works on
lists of texts and lists of entropies, as the observation is written; a text is a list of tokens.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.support.oracle import Script, Step, contains, entropy

INHERITED = -1.0


@dataclass
class Outcome:
    """What one prompt comes to; the lists go by texts in order of creation."""

    texts: list[list[int]]
    entropies: list[list[float]]
    finish: list[str]
    ends_drawn: list[int]
    branches: list[tuple[Any, ...]]


def with_draws(script: Script, end: int) -> Script:
    """A model that may say something else after an end; the second argument numbers the draw."""

    def drawn(ids: tuple[int, ...], draw: int) -> Step:
        step = script(ids, 0)
        if draw == 0:
            return step
        source = random.Random(f"{ids}/{draw}")
        sampled = end if source.random() < 0.6 else source.choice(step.tokens)
        return Step(step.tokens, step.probabilities, sampled)

    return drawn


def eager_init(
    script: Script,
    *,
    max_sequences: int,
    theta: float,
    percentile: float,
    patience: int,
    steps: int,
    ends: set[int],
    marker: tuple[int, ...],
) -> Outcome:
    """One prompt of EAGer-init."""
    texts: list[list[int]] = [[]]
    lists: list[list[float]] = [[]]
    draws = [0]
    drew_end: list[int | None] = [None]
    branches: list[tuple[Any, ...]] = []
    number = since_branch = 0
    while len(texts) < max_sequences and since_branch < patience and number < steps:
        known = [h for entropies in lists for h in entropies if h >= 0]
        threshold = max(theta, float(np.percentile(known, percentile))) if known else theta
        active = len(texts)
        new_texts: list[list[int]] = []
        new_lists: list[list[float]] = []
        for i in range(active):
            said = script(tuple(texts[i]), draws[i])
            h = entropy(said)
            thinking = not contains([*texts[i], said.sampled], marker)
            drew_end[i] = None
            if h > threshold and active + i < max_sequences and thinking:
                best, second = said.tokens[:2]
                child = active + len(new_texts)
                branches.append((number, i, child, h, threshold, said.sampled, best, second))
                new_texts.append([*texts[i], second])
                new_lists.append([INHERITED] * len(lists[i]) + [h])
                texts[i].append(best)
            elif said.sampled in ends:
                # The engine returns no text for an end, so nothing is appended.
                drew_end[i] = said.sampled
                draws[i] += 1
            else:
                texts[i].append(said.sampled)
            lists[i].append(h)
        texts += new_texts
        lists += new_lists
        draws += [0] * len(new_texts)
        drew_end += [None] * len(new_texts)
        number += 1
        since_branch = 0 if new_texts else since_branch + 1
    outcome = Outcome(texts, lists, ["length"] * len(texts), draws, branches)
    continue_texts(outcome, script, steps - number, ends, drew_end)
    return outcome


def continue_texts(
    outcome: Outcome, script: Script, steps_left: int, ends: set[int], drew_end: list[int | None]
) -> None:
    """The last part: one call for all texts with what is left of the steps."""
    for i, text in enumerate(outcome.texts):
        for _ in range(steps_left):
            text.append(script(tuple(text), outcome.ends_drawn[i]).sampled)
            if text[-1] in ends:
                outcome.finish[i] = "stop"
                break
        last = drew_end[i]
        if steps_left == 0 and last is not None:
            # Ours: an end that was drawn in the very last step stands.
            text.append(last)
            outcome.ends_drawn[i] -= 1
            outcome.finish[i] = "stop"


def shares(method: str, counts: list[int], solved: list[bool], max_sequences: int) -> list[int]:
    """Who gets how much: even over one list, the remainder to its first, saturated ones first."""
    saturated = [i for i, count in enumerate(counts) if count == max_sequences]
    if method == "eager_adapt":
        receivers, cap = saturated, 3 * max_sequences
    else:
        others = [i for i in range(len(counts)) if i not in saturated]
        receivers = [i for i in [*saturated, *others] if not solved[i]]
        cap = max_sequences
    given = [0] * len(counts)
    for card in range(max_sequences * len(counts) - sum(counts) if receivers else 0):
        given[receivers[card % len(receivers)]] += 1
    return [min(cap, share) for share in given]
