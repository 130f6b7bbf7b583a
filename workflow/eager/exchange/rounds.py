"""Rounds and parents of a prompt's sequences, from the order of creation; pure functions.

In the authors' files the sequences of a prompt stand round after round, each with its root first
and then its children in order of creation; the branches stand in the same order, and their steps
begin at 0 in each round. `seq_idx` is the parent's place in its round.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class RecordedBranch(NamedTuple):
    """What placing a branch needs of its record.

    Attributes:
        step: `gen_step`, from 0 in each round.
        parent: `seq_idx`, the parent's place in its round.
        kept: text of the parent's token.
        forked: text of the child's token.
    """

    step: int
    parent: int
    kept: str
    forked: str


class Placed(NamedTuple):
    """Where a sequence belongs.

    Attributes:
        round: from 0.
        parent: index of its parent among the prompt's sequences; None: a root.
        branch: number of the record that made it; None: a root.
    """

    round: int
    parent: int | None
    branch: int | None


def place(
    inherited: Sequence[int], texts: Sequence[str], branches: Sequence[RecordedBranch]
) -> list[Placed]:
    """Assign every sequence of a prompt to its round and its parent.

    Args:
        inherited: leading -1 of each sequence's list of entropies.
        texts: what each sequence generated, from the answer's start.
        branches: in the order of the file.

    Returns:
        One `Placed` per sequence.

    Raises:
        ValueError: the sequences and the branches do not belong together.
    """
    placed: list[Placed] = []
    start, round_, number, last_step = 0, -1, 0, -1
    for index, count in enumerate(inherited):
        branch = branches[number] if number < len(branches) else None
        child = branch is not None and branch.step == count and index > 0
        if child and branch is not None and branch.step == 0 and last_step <= 0:
            child = _made_at_first_step(texts[start], texts[index], branch)
        if child and branch is not None and branch.step >= last_step:
            parent = start + branch.parent
            if parent >= index:
                raise ValueError(f"branch {number + 1} names a parent that comes later")
            placed.append(Placed(round_, parent, number))
            number, last_step = number + 1, branch.step
        elif count == 0:
            start, round_, last_step = index, round_ + 1, -1
            placed.append(Placed(round_, None, None))
        else:
            raise ValueError(f"no branch made sequence {index + 1}, which inherits {count} tokens")
    if number < len(branches):
        raise ValueError(f"branch {number + 1} made no sequence")
    return placed


def _made_at_first_step(root: str, child: str, branch: RecordedBranch) -> bool:
    """Whether a record of step 0 belongs to this root, or to the next round's.

    Neither a child of step 0 nor a root has inherited anything: the texts tell them apart.
    """
    return root.startswith(branch.kept) and child.startswith(branch.forked)
