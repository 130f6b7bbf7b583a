"""A finished tree as rows of the tables `sequences` and `branches`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from eager.branching import PromptTree
from eager.tables import BRANCHES, SEQUENCES


class Tokenizer(Protocol):
    """The part of a tokenizer that records need."""

    def decode(self, token_ids: list[int]) -> str:
        """Text of token ids, special tokens included."""
        ...


def tree_tables(
    prompt_id: str,
    tree: PromptTree,
    *,
    round_number: int,
    first_index: int,
    count_words: bool,
    tokenizer: Tokenizer,
) -> tuple[pa.Table, pa.Table]:
    """The rows of one finished tree.

    Args:
        prompt_id: the prompt.
        tree: all of its sequences have ended.
        round_number: 0 for EAGer-init and Full Parallel.
        first_index: sequence index of the tree's first root in the prompt's result.
        count_words: count as the authors do for the EAGer methods: whitespace-separated words
            instead of tokens once the prompt has stopped branching.
        tokenizer: turns ids into text.

    Returns:
        The tables `sequences` and `branches`.
    """
    rows = []
    for index, sequence in enumerate(tree.sequences):
        token_ids = tree.tokens(index).tolist()
        rows.append(
            {
                "prompt_id": prompt_id,
                "sequence_index": first_index + index,
                "parent_index": None if sequence.parent is None else first_index + sequence.parent,
                "fork_position": sequence.fork_position,
                "round": round_number,
                "threshold": tree.rule.entropy_threshold if count_words else None,
                "token_ids": token_ids,
                "entropies": _padded_entropies(
                    sequence.fork_position, sequence.entropies, token_ids
                ),
                "inherited_tokens": sequence.fork_position,
                "tokens_upstream": _tokens_upstream(
                    sequence.branching_end, sequence.fork_position, token_ids, tokenizer
                )
                if count_words
                else len(token_ids) - sequence.fork_position,
                "finish_reason": sequence.finish_reason,
                "text": tokenizer.decode(token_ids),
            }
        )
    branches = [
        {
            "prompt_id": prompt_id,
            "round": round_number,
            "step": branch.step,
            "position": branch.position,
            "parent_index": first_index + branch.parent,
            "child_index": first_index + branch.child,
            "entropy": branch.entropy,
            "threshold": branch.threshold,
            "sampled_token": branch.sampled,
            "kept_token": branch.kept,
            "forked_token": branch.forked,
            "sampled_text": tokenizer.decode([branch.sampled]),
            "kept_text": tokenizer.decode([branch.kept]),
            "forked_text": tokenizer.decode([branch.forked]),
        }
        for branch in tree.branches
    ]
    return pa.Table.from_pylist(rows, SEQUENCES), pa.Table.from_pylist(branches, BRANCHES)


def _padded_entropies(inherited: int, recorded: Sequence[float], token_ids: list[int]) -> Any:
    entropies = np.full(len(token_ids), np.nan, dtype=np.float32)
    entropies[inherited : inherited + len(recorded)] = recorded
    return entropies


def _tokens_upstream(
    branching_end: int | None, inherited: int, token_ids: list[int], tokenizer: Tokenizer
) -> int:
    """Tokens up to the end of branching, and words of the text after it."""
    end = len(token_ids) if branching_end is None else branching_end
    return end - inherited + len(tokenizer.decode(token_ids[end:]).split())
