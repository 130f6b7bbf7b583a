"""The formats between stages: Parquet tables with a kind and a schema version.

`sequences` has one row per sequence, `branches` one per branch, both in prompt order. A prompt's
rows are in one row group, which short prompts share. A page of a column has a checksum. A reader
refuses other versions and what is damaged.
"""

from __future__ import annotations

from base64 import b64decode
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from eager.util.errors import EagerError
from eager.util.files import replacing

SCHEMA_VERSION = "1"

ROW_GROUP_BYTES = 2**20
"""Prompts are put into one row group until it holds this much, uncompressed: every row group and
column costs about 200 bytes of pages and footer, more than a short prompt's tokens."""
COMPRESSION_LEVEL = 9
"""Of zstd; higher ones take ten times as long for one or two percent."""

SEQUENCES = pa.schema(
    [
        ("prompt_id", pa.string()),
        ("sequence_index", pa.int32()),
        ("parent_index", pa.int32()),  # null: a root
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
SEQUENCES_OF_STEPS = pa.schema(
    [
        *SEQUENCES,
        # One entropy per step of the round: NaN before the step in which the sequence was created,
        # then one for each step in which the prompt branched, discarded ends included.
        ("step_entropies", pa.list_(pa.float32())),
        ("ends_drawn", pa.int32()),  # ends of sequence that were discarded
    ]
)
"""The schema `sequences` where ends of sequence are drawn again (rule `authors`)."""
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
    """Write a table atomically, with its kind and schema version; whole prompts per row group."""
    marks = {"eager_kind": kind, "eager_schema_version": SCHEMA_VERSION, **(metadata or {})}
    table = table.replace_schema_metadata(marks)
    with (
        replacing(path) as temporary,
        pq.ParquetWriter(
            temporary,
            table.schema,
            compression="zstd",
            compression_level=COMPRESSION_LEVEL,
            # Bit-packed dictionary indices hide from zstd that a branch repeats its parent.
            use_dictionary=[field.name for field in table.schema if not _is_numeric(field.type)],
            write_statistics=False,
            write_page_checksum=True,
        ) as writer,
    ):
        for group in _row_groups(table):
            writer.write_table(group)


def read_table(path: Path, kind: str) -> pa.Table:
    """Read a whole table.

    Raises:
        EagerError: it is missing, damaged, of another kind, or of another schema version.
    """
    with _opened(path, kind) as file:
        return _complete(file, range(file.num_row_groups), file.read())


def read_row_groups(path: Path, kind: str, columns: list[str]) -> Iterator[pa.Table]:
    """Some columns of a table, one row group at a time.

    Raises:
        EagerError: as `read_table`.
    """
    with _opened(path, kind) as file:
        for group in range(file.num_row_groups):
            yield _complete(file, [group], file.read_row_group(group, columns=columns))


@contextmanager
def _opened(path: Path, kind: str) -> Iterator[pq.ParquetFile]:
    """A table to read from; whatever fails while it is read is told with its path."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            _check_marks(path, file, kind)
            _check_footer(file)
            yield file
    except FileNotFoundError:
        raise EagerError(f"{path}: no such file; run the workflow to make it") from None
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        what = " ".join(str(error).split())
        raise EagerError(
            f"{path}: not a readable Parquet file ({what}); delete it and rerun"
        ) from None


def _check_marks(path: Path, file: pq.ParquetFile, kind: str) -> None:
    metadata = file.schema_arrow.metadata or {}
    found = metadata.get(b"eager_kind", b"?").decode()
    version = metadata.get(b"eager_schema_version", b"?").decode()
    if found != kind or version != SCHEMA_VERSION:
        raise EagerError(
            f"{path}: holds {found!r} in schema version {version}, where {kind!r} in version "
            f"{SCHEMA_VERSION} is read; delete it and rerun, or use the program that wrote it"
        )


def _check_footer(file: pq.ParquetFile) -> None:
    """Compare what the footer, which has no checksum, says twice: the columns and the rows."""
    footer = file.metadata
    stored = pa.ipc.read_schema(pa.py_buffer(b64decode(footer.metadata[b"ARROW:schema"])))
    rows = sum(footer.row_group(group).num_rows for group in range(footer.num_row_groups))
    if stored != file.schema_arrow or rows != footer.num_rows:
        raise ValueError("its footer contradicts itself")


def _complete(file: pq.ParquetFile, groups: Iterable[int], table: pa.Table) -> pa.Table:
    """What was read of row groups, if lists are as long together as the footer says.

    Only the header of a page, which has no checksum, says how many values the page has.
    """
    values: Counter[str] = Counter()
    for group in map(file.metadata.row_group, groups):
        for column in map(group.column, range(group.num_columns)):
            values[column.path_in_schema.partition(".")[0]] += column.num_values
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_list(column.type) and not pa.types.is_nested(column.type.value_type):
            # An empty list, or none, takes the place of a value.
            lengths = pc.max_element_wise(pc.list_value_length(column), 1)
            if (pc.sum(lengths).as_py() or 0) != values[name]:
                raise ValueError(f"{name} is not complete")
    return table


def first_samples(table: pa.Table, count: int | None) -> pa.Table:
    """The rows of a table about the first `count` sequences of each prompt; None: all."""
    if count is None:
        return table
    return table.filter(pc.less(table.column("sequence_index"), count))


def total_length(sequences: pa.Table) -> int:
    """Tokens of all sequences together, inherited ones counted in each."""
    return int(pc.sum(pc.list_value_length(sequences.column("token_ids"))).as_py() or 0)


def concatenate(tables: Iterable[pa.Table], schema: pa.Schema) -> pa.Table:
    """Tables one after the other; an empty table if there are none.

    Args:
        tables: in this schema, or in this schema with more columns, which are kept.
        schema: of the empty table.
    """
    return pa.concat_tables([schema.empty_table(), *tables], promote_options="default")


def _is_numeric(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_primitive(kind))


def _row_groups(table: pa.Table) -> Iterable[pa.Table]:
    if "sequence_index" not in table.column_names or table.num_rows == 0:
        return [table]
    ids = table.column("prompt_id").to_pylist()
    boundaries = [i for i in range(1, len(ids)) if ids[i] != ids[i - 1]]
    groups, start = [], 0
    for boundary in boundaries:
        group = table.slice(start, boundary - start)
        if group.nbytes >= ROW_GROUP_BYTES:
            groups.append(group)
            start = boundary
    return [*groups, table.slice(start)]
