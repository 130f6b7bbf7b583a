"""Tables: damage anywhere in a file is noticed, and told with the file and what to do."""

from __future__ import annotations

import errno
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eager.config.experiment import imported_target
from eager.report.results import read_prompts
from eager.util.errors import EagerError
from eager.util.tables import read_row_groups, read_table, write_table
from tests.support.trees import small_tree, tables_of


def rows(path: Path) -> str:
    """What a file is read as; a text, as NaN is not equal to itself."""
    return str(read_table(path, "sequences").to_pylist())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "sequences.parquet"
    tables = [tables_of(small_tree(), name)[0] for name in "abcdefgh"]
    write_table(path, pa.concat_tables(tables), "sequences")
    return path


def test_one_flipped_bit_anywhere_changes_nothing_or_is_told(path: Path) -> None:
    good, meant, choice = path.read_bytes(), rows(path), random.Random(0)
    told, places = [], range(0, len(good), 4)
    for place in places:
        damaged = bytearray(good)
        damaged[place] ^= 1 << choice.randrange(8)
        path.write_bytes(damaged)
        try:
            assert rows(path) == meant, place
        except EagerError as error:
            told.append(str(error))
    # The rest is in what nobody reads, such as the name of the program that wrote the file.
    assert len(told) > 0.7 * len(places)
    assert all(str(path) in line and "delete it and rerun" in line for line in told)


def test_a_page_that_says_it_has_fewer_values_is_told(path: Path) -> None:
    content = bytearray(path.read_bytes())
    table = pq.read_metadata(path).row_group(0)
    names = [table.column(number).path_in_schema for number in range(table.num_columns)]
    page = table.column(names.index("token_ids.list.element"))
    # Eight prompts have two sequences of 8 tokens. 127 instead of 128, each doubled and in seven
    # bits to a byte, as Thrift writes it.
    place = content.index(b"\x15\x80\x02\x15", page.data_page_offset)
    content[place + 1 : place + 3] = b"\xfe\x01"
    path.write_bytes(content)
    with pytest.raises(EagerError, match=r"sequences\.parquet: .*token_ids is not complete"):
        read_table(path, "sequences")


def test_lists_that_are_empty_or_missing_are_complete(tmp_path: Path) -> None:
    path, lists = tmp_path / "t.parquet", [[1, 2], [], None, [3]]
    write_table(path, pa.table({"prompt_id": [*"abcd"], "token_ids": lists}), "sequences")
    assert read_table(path, "sequences").column("token_ids").to_pylist() == lists
    write_table(path, pa.table({"token_ids": pa.array([], pa.list_(pa.int32()))}), "sequences")
    assert read_table(path, "sequences").num_rows == 0


def test_a_damaged_row_group_is_told_when_its_turn_comes(path: Path) -> None:
    content = bytearray(path.read_bytes())
    column = pq.read_metadata(path).row_group(0).column(0)
    content[column.dictionary_page_offset + column.total_compressed_size - 1] ^= 1
    path.write_bytes(content)
    with pytest.raises(EagerError, match=r"sequences\.parquet: not a readable Parquet file .*CRC"):
        list(read_row_groups(path, "sequences", ["prompt_id"]))
    with pytest.raises(EagerError, match="delete it and rerun"):
        list(read_prompts(imported_target(path.parent, {}, "eager")))


def test_files_without_checksums_are_read(path: Path) -> None:
    meant = rows(path)
    pq.write_table(pq.read_table(path), path)
    assert rows(path) == meant


def test_a_full_disk_is_no_damaged_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    table = read_table(path, "sequences")
    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(OSError, match="No space left") as found:
        write_table(path, table, "sequences")
    assert found.value.errno == errno.ENOSPC
