"""The state of a tree as plain values: what a step has to know to go on from where it was.

A state is a difference: of each sequence the tokens and entropies that an earlier state does not
have, so that all states of a prompt together take as much space as its sequences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from eager.algorithm.branching import Branch, BranchingRule, PromptTree
from eager.algorithm.branching import Sequence as TreeSequence
from eager.algorithm.entropy import History

LISTS = ("tokens", "entropies", "step_entropies")
SCALARS = (
    "parent",
    "fork_position",
    "thinking",
    "limit",
    "birth",
    "finish_reason",
    "branching_end",
    "drawn_end",
    "ends_drawn",
)
"""Fields of a sequence of a tree."""


@dataclass(frozen=True)
class TreeState:
    """What has changed in a tree since an earlier state of it.

    Attributes:
        steps: of the tree.
        branching: whether its sequences may branch.
        steps_without_branch: of the tree.
        history: entropies that the threshold depends on; None once it has stopped branching.
        branches: those since the earlier state.
        sequences: one per changed sequence: its index, `SCALARS`, and of `LISTS` what is
            new.
    """

    steps: int
    branching: bool
    steps_without_branch: int
    history: History | None
    branches: list[Branch]
    sequences: list[dict[str, Any]]


class _Saved(NamedTuple):
    """What earlier states have of a sequence: lengths of its lists, and its scalars."""

    lengths: tuple[int, ...] = (0,) * len(LISTS)
    scalars: tuple[Any, ...] = ()


@dataclass
class Saved:
    """What earlier states of a tree have of it."""

    branches: int = 0
    sequences: dict[int, _Saved] = field(default_factory=dict)


def difference(tree: PromptTree, lengths: Mapping[int, int], saved: Saved) -> TreeState:
    """The state of a tree beyond what is saved; `saved` is brought up to it.

    Args:
        tree: between two steps.
        lengths: where sequences are to go on that have not ended, in tokens from the start of the
            answer: the length at which each was given to the engine last (see `can_go_on`). What
            was generated from there on is left out, since the same seed generates it again.
        saved: what earlier states have.
    """
    changed = []
    for index, sequence in enumerate(tree.sequences):
        kept = _kept(sequence, lengths.get(index, sequence.length))
        scalars = tuple(getattr(sequence, name) for name in SCALARS)
        before, now = saved.sequences.get(index, _Saved()), _Saved(kept, scalars)
        if now == before:
            continue
        saved.sequences[index] = now
        row: dict[str, Any] = {"sequence": index, **dict(zip(SCALARS, scalars, strict=True))}
        for name, start, end in zip(LISTS, before.lengths, kept, strict=True):
            row[name] = getattr(sequence, name)[start:end]
        changed.append(row)
    branches, saved.branches = tree.branches[saved.branches :], len(tree.branches)
    running = tree.running_threshold
    return TreeState(
        tree.steps,
        tree.branching,
        tree.steps_without_branch,
        None if running is None else running.history,
        branches,
        changed,
    )


def saved_by(states: Sequence[TreeState]) -> Saved:
    """What some states of a tree have of it."""
    saved = Saved()
    for state in states:
        saved.branches += len(state.branches)
        for row in state.sequences:
            before = saved.sequences.get(row["sequence"], _Saved()).lengths
            lengths = (n + len(row[name]) for n, name in zip(before, LISTS, strict=True))
            scalars = tuple(row[name] for name in SCALARS)
            saved.sequences[row["sequence"]] = _Saved(tuple(lengths), scalars)
    return saved


def restore(rule: BranchingRule, roots: int, states: Sequence[TreeState]) -> PromptTree:
    """A tree from all its states, oldest first."""
    tree = PromptTree(rule, roots)
    for state in states:
        tree.branches += state.branches
        for row in state.sequences:
            if row["sequence"] == len(tree.sequences):
                tree.sequences.append(TreeSequence(None, 0, thinking=True, limit=0))
            sequence = tree.sequences[row["sequence"]]
            for name in SCALARS:
                setattr(sequence, name, row[name])
            for name in LISTS:
                getattr(sequence, name).extend(row[name])
    last = states[-1]
    tree.steps, tree.branching = last.steps, last.branching
    tree.steps_without_branch = last.steps_without_branch
    if last.history is None:
        tree.running_threshold = None
    elif tree.running_threshold is not None:
        tree.running_threshold.history = last.history
    tree.live = sum(sequence.finish_reason is None for sequence in tree.sequences)
    return tree


def can_go_on(sequence: TreeSequence, length: int) -> bool:
    """Whether a sequence of a tree can go on from a length once the tree is restored.

    What it has generated since is lost then, so it may be neither what a branch has inherited nor
    a time whose entropies count. While the prompt branches, that is nothing at all.
    """
    if sequence.branching_end is None:
        return length == sequence.length
    return length >= min(sequence.branching_end, sequence.length)


def _kept(sequence: TreeSequence, length: int) -> tuple[int, int, int]:
    """How much of each list stays if the sequence goes on from a length."""
    own = length - sequence.fork_position
    return own, min(len(sequence.entropies), own), len(sequence.step_entropies)
