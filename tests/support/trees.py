"""A small tree of two sequences, and a tokenizer that shows its tokens as letters."""

from __future__ import annotations

from eager.algorithm.branching import BranchingRule, Observation, PromptTree


class Letters:
    """Token 0 is the end; the others are letters, and 9 a space."""

    def decode(self, token_ids: list[int]) -> str:
        return "".join("" if t == 0 else " " if t == 9 else chr(96 + t) for t in token_ids)


def small_tree() -> PromptTree:
    """Two sequences, which branch at position 1; branching ends there, and words follow."""
    rule = BranchingRule(2, 0.5, 99, 1000, max_tokens=20, end_of_sequence=frozenset({0}))
    tree = PromptTree(rule)
    tree.observe([Observation(0, 1, 0.1, 1, 2)])
    tree.observe([Observation(0, 3, 0.9, 4, 5)])
    for token in (9, 1, 2, 9, 3, 0):
        tree.observe([Observation(0, token), Observation(1, token)])
    assert tree.live == 0
    return tree
