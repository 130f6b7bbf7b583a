"""A finished tree as rows of the tables `sequences` and `branches`."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Row
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from eager.algorithm.branching import Branch, BranchingRule, PromptTree, Sequence
from eager.data.prompts import Prompt
from eager.data.tokenization import Texts
from eager.util.tables import BRANCHES, SEQUENCES, SEQUENCES_OF_STEPS


def tree_tables(
    prompt: Prompt,
    tree: PromptTree,
    *,
    round_number: int,
    first_index: int,
    count_words: bool,
    texts: Texts,
) -> tuple[pa.Table, pa.Table]:
    """The rows of one finished tree.

    Args:
        prompt: as it was given to the model.
        tree: all of its sequences have ended.
        round_number: 0 for EAGer-init and Full Parallel.
        first_index: sequence index of the tree's first root in the prompt's result.
        count_words: count as the authors do for the EAGer methods: whitespace-separated words
            instead of tokens once the prompt has stopped branching, and an end of sequence once
            more for every step until then.
        texts: of the model's tokens.

    Returns:
        The tables `sequences` (with the columns of `SEQUENCES_OF_STEPS` where the rule draws ends
        again) and `branches`.
    """
    rows = [
        {
            "prompt_id": prompt.id,
            "sequence_index": first_index + index,
            "parent_index": None if sequence.parent is None else first_index + sequence.parent,
            "round": round_number,
            **_sequence_row(prompt, tree, index, count_words=count_words, texts=texts),
        }
        for index, sequence in enumerate(tree.sequences)
    ]
    branches = [
        {
            "prompt_id": prompt.id,
            "round": round_number,
            "parent_index": first_index + branch.parent,
            "child_index": first_index + branch.child,
            **_branch_row(branch, texts),
        }
        for branch in tree.branches
    ]
    schema = SEQUENCES_OF_STEPS if _counts_steps(tree) else SEQUENCES
    return pa.Table.from_pylist(rows, schema), pa.Table.from_pylist(branches, BRANCHES)


def _sequence_row(
    prompt: Prompt, tree: PromptTree, index: int, *, count_words: bool, texts: Texts
) -> dict[str, Any]:
    """The columns of a sequence that do not depend on its place in the prompt's result."""
    sequence = tree.sequences[index]
    token_ids = tree.tokens(index).tolist()
    inherited = sequence.fork_position
    row = {
        "fork_position": inherited,
        "token_ids": token_ids,
        "entropies": _padded(inherited, sequence.entropies, len(token_ids)),
        "inherited_tokens": inherited,
        "tokens_upstream": len(token_ids) - inherited,
        "finish_reason": sequence.finish_reason,
        "text": _without_end(
            tree.rule, sequence, token_ids, partial(texts.behind, prompt.token_ids)
        ),
    }
    if count_words:
        end = len(token_ids) if sequence.branching_end is None else sequence.branching_end
        # The marker of the end is not in their text.
        words = _without_end(tree.rule, sequence, token_ids[end:], texts.within).split()
        repeated = _repeated_ends(tree, len(token_ids)) if _ended_early(sequence) else 0
        row["threshold"] = tree.rule.entropy_threshold
        row["tokens_upstream"] = end - inherited + len(words) + repeated
    if _counts_steps(tree):
        row |= _step_columns(tree.rule, sequence, token_ids, texts)
    return row


def _without_end(
    rule: BranchingRule,
    sequence: Sequence,
    token_ids: list[int],
    text_of: Callable[[list[int]], str],
) -> str:
    """Text of a sequence's last tokens without what has ended it, which `finish_reason` says."""
    if sequence.finish_reason != "stop" or not token_ids:
        return text_of(token_ids)
    if token_ids[-1] in rule.end_of_sequence:
        return text_of(token_ids[:-1])
    text = text_of(token_ids)
    found = (text.find(stop.text) for stop in rule.stops)
    return text[: min((place for place in found if place >= 0), default=None)]


def _counts_steps(tree: PromptTree) -> bool:
    return tree.rule.points.ends_drawn_again


def _step_columns(
    rule: BranchingRule, sequence: Sequence, token_ids: list[int], texts: Texts
) -> dict[str, Any]:
    """The steps of a sequence, and the count by them: each is one token in the authors' count."""
    # Their text leaves the end of sequence out.
    rest = _without_end(rule, sequence, token_ids[sequence.branching_end :], texts.within)
    return {
        "step_entropies": _padded(
            sequence.birth, sequence.step_entropies, sequence.birth + len(sequence.step_entropies)
        ),
        "ends_drawn": sequence.ends_drawn,
        "tokens_upstream": len(sequence.step_entropies) + len(rest.split()),
    }


def _ended_early(sequence: Sequence) -> bool:
    """Whether a sequence ended itself while its prompt was branching."""
    return sequence.finish_reason == "stop" and sequence.branching_end == sequence.length


def _repeated_ends(tree: PromptTree, length: int) -> int:
    """How often the authors' program counts the end of a sequence again.

    It does not notice ends while a prompt branches, which is until the prompt has M sequences, or
    for as many steps without a branch as the patience and the token limit allow.

    Args:
        tree: the finished tree.
        length: tokens of a sequence that ended itself in that time.
    """
    rule = tree.rule
    last = tree.branches[-1].step + 1 if tree.branches else 0
    if len(tree.sequences) < rule.max_sequences:
        last = min(last + rule.max_steps_without_branch, rule.max_tokens)
    return max(0, last - length)


def _branch_row(branch: Branch, texts: Texts) -> dict[str, Any]:
    """The columns of a branch that do not depend on its place in the prompt's result."""
    return {
        "step": branch.step,
        "position": branch.position,
        "entropy": branch.entropy,
        "threshold": branch.threshold,
        "sampled_token": branch.sampled,
        "kept_token": branch.kept,
        "forked_token": branch.forked,
        "sampled_text": texts.within([branch.sampled]),
        "kept_text": texts.within([branch.kept]),
        "forked_text": texts.within([branch.forked]),
    }


def _padded(inherited: int, recorded: Row[float], length: int) -> NDArray[np.float32]:
    """Entropies of a whole sequence, NaN where there is none."""
    entropies = np.full(length, np.nan, dtype=np.float32)
    entropies[inherited : inherited + len(recorded)] = recorded
    return entropies
