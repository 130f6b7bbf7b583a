"""Trees worked out by hand, for what the comparison with the literal reading leaves out."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from eager.algorithm.branching import Branch, BranchingRule, Observation, PromptTree
from tests.support.letters import marker

END = 0
RULE = BranchingRule(
    max_sequences=3,
    entropy_threshold=1.0,
    threshold_percentile=100,
    max_steps_without_branch=2,
    max_tokens=10,
    end_of_sequence=frozenset({END}),
)


def sure(sequence: int, token: int) -> Observation:
    return Observation(sequence, token, 0.5, token, 9)


def unsure(sequence: int, sampled: int, entropy: float, best: int, second: int) -> Observation:
    return Observation(sequence, sampled, entropy, best, second)


def test_a_fork_and_its_record() -> None:
    tree = PromptTree(RULE)
    assert tree.observe([sure(0, 5)]) == []
    branch = Branch(
        step=1,
        position=1,
        parent=0,
        child=1,
        entropy=1.5,
        threshold=1.0,
        sampled=7,
        kept=6,
        forked=8,
    )
    assert tree.observe([unsure(0, 7, 1.5, 6, 8)]) == [branch]
    assert tree.branches == [branch]
    assert (tree.steps, tree.live, tree.branching) == (2, 2, True)
    assert [tree.tokens(index).tolist() for index in (0, 1)] == [[5, 6], [5, 8]]
    parent, child = tree.sequences
    assert (parent.parent, parent.fork_position, parent.length) == (None, 0, 2)
    assert (child.parent, child.fork_position, child.length) == (0, 1, 2)
    assert parent.entropies.tolist() == [0.5, 1.5]
    assert math.isnan(child.entropies[0])
    assert len(child.entropies) == 1


def test_entropy_at_the_threshold_does_not_branch_and_raises_no_later_one() -> None:
    tree = PromptTree(RULE)
    assert tree.observe([unsure(0, 7, 1.0, 6, 8)]) == []
    (first,) = tree.observe([unsure(0, 7, 1.5, 6, 8)])
    # The highest entropy so far is the threshold now (percentile 100).
    assert tree.observe([unsure(0, 7, 1.5, 6, 8), sure(1, 4)]) == []
    (second,) = tree.observe([sure(0, 4), unsure(1, 7, 1.6, 6, 8)])
    assert (first.threshold, second.threshold) == (1.0, 1.5)
    assert (second.parent, second.child, second.position) == (1, 2, 3)


def test_branching_ends_at_the_cap_and_says_where() -> None:
    tree = PromptTree(RULE)
    tree.observe([unsure(0, 7, 1.5, 6, 8)])
    tree.observe([sure(0, END), sure(1, 5)])
    tree.observe([unsure(1, 7, 1.6, 6, 8)])
    assert not tree.branching
    # Ended before: its whole length. Still running: its length then, inherited tokens included.
    assert [s.branching_end for s in tree.sequences] == [2, 3, 3]
    assert tree.observe([Observation(1, 4), Observation(2, END)]) == []
    assert [s.branching_end for s in tree.sequences] == [2, 3, 3]
    assert [len(s.entropies) for s in tree.sequences] == [2, 2 + 1, 1]
    assert [s.finish_reason for s in tree.sequences] == ["stop", None, "stop"]
    assert (tree.steps, tree.live) == (4, 1)


def test_patience_counts_steps_since_the_last_branch() -> None:
    tree = PromptTree(RULE)
    tree.observe([sure(0, 5)])
    tree.observe([unsure(0, 7, 1.5, 6, 8)])
    tree.observe([sure(0, 5), sure(1, 5)])
    assert tree.branching
    tree.observe([sure(0, 5), sure(1, 5)])
    assert not tree.branching
    assert [s.branching_end for s in tree.sequences] == [4, 4]


@pytest.mark.parametrize(("roots", "branching"), [(1, True), (2, True), (3, False), (4, False)])
def test_roots_and_room(roots: int, branching: bool) -> None:
    tree = PromptTree(RULE, roots)
    assert (tree.live, tree.branching) == (roots, branching)
    assert [(s.parent, s.fork_position, s.thinking) for s in tree.sequences] == [
        (None, 0, True)
    ] * roots
    assert [s.branching_end for s in tree.sequences] == [None if branching else 0] * roots


def test_the_token_limit_counts_inherited_tokens() -> None:
    tree = PromptTree(replace(RULE, max_tokens=3))
    tree.observe([sure(0, 5)])
    tree.observe([unsure(0, 7, 1.5, 6, 8)])
    tree.observe([sure(0, 5), sure(1, END)])
    assert [s.finish_reason for s in tree.sequences] == ["length", "stop"]
    assert [s.length for s in tree.sequences] == [3, 3]
    assert tree.live == 0


def test_the_end_of_a_sequence_is_no_place_to_branch() -> None:
    tree = PromptTree(RULE)
    assert tree.observe([unsure(0, END, 1.5, 6, 8)]) == []
    assert tree.sequences[0].finish_reason == "stop"


def test_a_marker_across_a_fork_ends_thinking() -> None:
    tree = PromptTree(replace(RULE, end_of_thinking=marker((4, 5, 3)), max_sequences=9))
    tree.observe([sure(0, 4)])
    tree.observe([unsure(0, 7, 1.5, 6, 5)])
    # The child inherits 4, begins with 5 and now completes the marker: too late to branch.
    assert tree.observe([sure(0, 3), unsure(1, 3, 1.7, 2, 8)]) == []
    assert [s.thinking for s in tree.sequences] == [True, False]
    assert tree.observe([sure(0, 1), unsure(1, 7, 1.8, 2, 8)]) == []
    tree = PromptTree(replace(RULE, end_of_thinking=marker((4,)), max_sequences=9))
    tree.observe([sure(0, 5)])
    assert tree.observe([unsure(0, 4, 1.5, 6, 5)]) == []
    assert not tree.sequences[0].thinking


def test_a_kept_or_forked_token_completes_a_marker_too() -> None:
    tree = PromptTree(replace(RULE, end_of_thinking=marker((6,)), max_sequences=9))
    tree.observe([unsure(0, 7, 1.5, 6, 8)])
    assert [s.thinking for s in tree.sequences] == [False, True]
    tree = PromptTree(replace(RULE, end_of_thinking=marker((8,)), max_sequences=9))
    tree.observe([unsure(0, 7, 1.5, 6, 8)])
    assert [s.thinking for s in tree.sequences] == [True, False]
