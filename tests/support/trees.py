"""A small tree of two sequences, and texts of its tokens."""

from __future__ import annotations

import pyarrow as pa

from eager.algorithm.branching import BranchingRule, Observation, PromptTree
from eager.data.prompts import Prompt
from eager.data.tokenization import Texts
from eager.generation.records import tree_tables
from tests.support.letters import Letters

TEXTS = Texts(Letters(["<end>", *"abcdefgh", " "]))


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


def tables_of(
    tree: PromptTree,
    prompt: str = "p",
    *,
    count_words: bool = True,
    texts: Texts = TEXTS,
    **place: int,
) -> tuple[pa.Table, pa.Table]:
    """The rows of a tree; `place`: its round_number and first_index, else 0."""
    facts = {"round_number": 0, "first_index": 0} | place
    owner = Prompt(id=prompt, token_ids=(1,))
    return tree_tables(owner, tree, count_words=count_words, texts=texts, **facts)
