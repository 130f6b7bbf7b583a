"""The formats between stages: Parquet tables with a kind and a schema version.

`sequences` has a row a sequence, `branches` a row a fork, both in prompt order. A reader that
meets another version says so and stops.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

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


def write_table(
    path: Path, table: pa.Table, kind: str, metadata: dict[str, str] | None = None
) -> None:
    """Write a table atomically, with its kind and schema version; one row group a prompt."""
    marks = {"eager_kind": kind, "eager_schema_version": SCHEMA_VERSION, **(metadata or {})}
    table = table.replace_schema_metadata(marks)
    with (
        replacing(path) as temporary,
        pq.ParquetWriter(temporary, table.schema, compression="zstd") as writer,
    ):
        for group in _row_groups(table):
            writer.write_table(group)


def open_table(path: Path, kind: str) -> pq.ParquetFile:
    """Open a table to read it in parts; the caller closes it.

    Raises:
        EagerError: it is missing, not readable, of another kind, or of another schema version.
    """
    try:
        file = pq.ParquetFile(path)
    except FileNotFoundError:
        raise EagerError(f"{path}: no such file; run the workflow to make it") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise EagerError(
            f"{path}: not a readable Parquet file ({error}); delete it and rerun"
        ) from None
    metadata = file.schema_arrow.metadata or {}
    found = metadata.get(b"eager_kind", b"?").decode()
    version = metadata.get(b"eager_schema_version", b"?").decode()
    if found != kind or version != SCHEMA_VERSION:
        file.close()
        raise EagerError(
            f"{path}: holds {found!r} in schema version {version}, where {kind!r} in version "
            f"{SCHEMA_VERSION} is read; delete it and rerun, or use the program that wrote it"
        )
    return file


def read_table(path: Path, kind: str) -> pa.Table:
    """Read a whole table.

    Raises:
        EagerError: as `open_table`.
    """
    with open_table(path, kind) as file:
        return file.read()


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
