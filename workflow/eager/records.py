"""The formats between stages: Parquet tables with a kind and a schema version.

`sequences` has a row a sequence, `branches` a row a fork, both in prompt order. A reader that
meets another version says so and stops.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from eager.branching import PromptTree
from eager.errors import EagerError
from eager.files import replacing

SCHEMA_VERSION = "1"

SEQUENCES = pa.schema(
    [
        ("prompt_id", pa.string()),
        ("sequence_index", pa.int32()),
        ("parent_index", pa.int32()),  # null: a fresh start
        ("fork_position", pa.int32()),
        ("round", pa.int32()),  # 0: EAGer-init or Full Parallel
        ("threshold", pa.float64()),  # theta of the round, nats; null for parallel
        ("token_ids", pa.list_(pa.int32())),  # generated, inherited included
        ("entropies", pa.list_(pa.float32())),  # NaN: inherited or not recorded
        ("inherited_tokens", pa.int32()),
        ("tokens_upstream", pa.int32()),  # the authors' count of this sequence's own tokens
        ("finish_reason", pa.string()),  # stop | length
        ("text", pa.string()),
    ]
)
BRANCHES = pa.schema(
    [
        ("prompt_id", pa.string()),
        ("round", pa.int32()),
        ("step", pa.int32()),
        ("position", pa.int32()),
        ("parent_index", pa.int32()),
        ("child_index", pa.int32()),
        ("entropy", pa.float64()),
        ("threshold", pa.float64()),
        ("sampled_token", pa.int32()),
        ("kept_token", pa.int32()),
        ("forked_token", pa.int32()),
        ("sampled_text", pa.string()),
        ("kept_text", pa.string()),
        ("forked_text", pa.string()),
    ]
)


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
                "entropies": _padded_entropies(sequence.fork_position, sequence.entropies, token_ids),
                "inherited_tokens": sequence.fork_position,
                "tokens_upstream": _tokens_upstream(sequence.branching_end, sequence.fork_position, token_ids, tokenizer)
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


def write_table(
    path: Path, table: pa.Table, kind: str, metadata: dict[str, str] | None = None
) -> None:
    """Write a table atomically, with its kind and schema version; one row group a prompt."""
    marks = {"eager_kind": kind, "eager_schema_version": SCHEMA_VERSION, **(metadata or {})}
    table = table.replace_schema_metadata(marks)
    with replacing(path) as temporary, pq.ParquetWriter(
        temporary, table.schema, compression="zstd"
    ) as writer:
        for group in _row_groups(table):
            writer.write_table(group)


def read_table(path: Path, kind: str) -> pa.Table:
    """Read a table.

    Raises:
        EagerError: it is missing, not readable, of another kind, or of another schema version.
    """
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise EagerError(f"{path}: no such file") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise EagerError(f"{path}: not a readable Parquet file: {error}") from None
    metadata = table.schema.metadata or {}
    found = metadata.get(b"eager_kind", b"?").decode()
    version = metadata.get(b"eager_schema_version", b"?").decode()
    if found != kind or version != SCHEMA_VERSION:
        raise EagerError(
            f"{path}: holds {found!r} in schema version {version}; this program reads {kind!r} in "
            f"version {SCHEMA_VERSION}. Make it again with this version, or use the other program"
        )
    return table


def concatenate(tables: Iterable[pa.Table], schema: pa.Schema) -> pa.Table:
    """Tables of one schema one after the other; an empty table if there are none."""
    return pa.concat_tables([schema.empty_table(), *tables])


def _row_groups(table: pa.Table) -> Iterable[pa.Table]:
    if "sequence_index" not in table.column_names or table.num_rows == 0:
        return [table]
    ids = table.column("prompt_id").to_pylist()
    starts = [i for i in range(len(ids)) if i == 0 or ids[i] != ids[i - 1]]
    return [
        table.slice(start, end - start)
        for start, end in zip(starts, [*starts[1:], len(ids)], strict=True)
    ]


def _padded_entropies(
    inherited: int, recorded: Sequence[float], token_ids: list[int]
) -> Any:
    entropies = np.full(len(token_ids), np.nan, dtype=np.float32)
    entropies[inherited : inherited + len(recorded)] = recorded
    return entropies


def _tokens_upstream(
    branching_end: int | None, inherited: int, token_ids: list[int], tokenizer: Tokenizer
) -> int:
    """Tokens up to the end of branching, and words of the text after it."""
    end = len(token_ids) if branching_end is None else branching_end
    return end - inherited + len(tokenizer.decode(token_ids[end:]).split())
