"""What a prompt asks of a machine beside tokens: steps one after another, and its KV cache.

Counted from the trees of sequences alone, so that it is the same on every machine. A prompt's
sequences run side by side; those of a later round begin when the earlier round is over. Positions
that sequences share are held once, and every sequence reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class SequenceSpan:
    """A sequence of a tree.

    Attributes:
        index: of the sequence.
        parent: index of the sequence it branches from; None: a root.
        round: in which it was generated.
        inherited: tokens that it shares with its parent.
        length: of all its tokens, inherited ones included.
    """

    index: int
    parent: int | None
    round: int
    inherited: int
    length: int


class DecodingWork(NamedTuple):
    """What one prompt asks for.

    Attributes:
        rounds: generations one after another.
        steps: decode steps one after another.
        kv_read: positions of the KV cache that all decode steps read; None: the prompt's length is
            not known.
        kv_peak: positions held at the same time at most; None likewise.
        prompt_tokens: length of the prompt; None likewise.
    """

    rounds: int
    steps: int
    kv_read: int | None
    kv_peak: int | None
    prompt_tokens: int | None


def work_of(prompt_tokens: int, sequences: Sequence[SequenceSpan]) -> DecodingWork:
    """What a prompt and its sequences, parents before children, ask for.

    Args:
        prompt_tokens: length of the prompt; 0: not known.
        sequences: at least one.
    """
    known = {one.index: one for one in sequences}
    starts: dict[int, int] = {}
    for one in sequences:
        # A child begins when its parent has come to the branch.
        parent = None if one.parent is None else known[one.parent]
        beside = parent is not None and parent.round == one.round
        starts[one.index] = (
            starts[parent.index] + one.inherited - parent.inherited if parent and beside else 0
        )
    rounds: dict[int, list[SequenceSpan]] = {}
    for one in sequences:
        rounds.setdefault(one.round, []).append(one)
    ends = {one.index: starts[one.index] + one.length - one.inherited for one in sequences}
    steps = sum(max(ends[one.index] for one in members) for members in rounds.values())
    if not prompt_tokens:
        return DecodingWork(len(rounds), steps, None, None, None)
    read = sum(
        (one.length - one.inherited) * prompt_tokens
        + (one.length * (one.length - 1) - one.inherited * (one.inherited - 1)) // 2
        for one in sequences
    )
    held = 0
    for members in rounds.values():
        # What is held grows until a sequence ends.
        for now in {ends[one.index] for one in members}:
            alive = [one for one in members if starts[one.index] < now <= ends[one.index]]
            held = max(held, _positions(alive, known, starts, now))
    return DecodingWork(len(rounds), steps, read, prompt_tokens + held, prompt_tokens)


def _positions(
    alive: Sequence[SequenceSpan], known: dict[int, SequenceSpan], starts: dict[int, int], now: int
) -> int:
    """Generated positions that sequences hold at a step, shared ones once."""
    reached: dict[int, int] = {}
    for one in alive:
        place, position = one, one.inherited + now - starts[one.index]
        # What a sequence has reached its ancestors have, up to where it branched.
        while position > reached.get(place.index, -1):
            reached[place.index] = position
            if place.parent is None:
                break
            place, position = known[place.parent], place.inherited
    return sum(position - known[index].inherited for index, position in reached.items())
