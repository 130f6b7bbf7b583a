"""The journal: what is kept is found, and damage anywhere in a file is noticed and said."""

from __future__ import annotations

from pathlib import Path

import pytest

from eager.generation.journal import FinishedPrompt, Journal, journal_name, remove_journals
from eager.generation.records import tree_tables
from tests.unit.generation.test_records import Letters, small_tree


@pytest.fixture
def finished() -> FinishedPrompt:
    sequences, branches = tree_tables(
        "p", small_tree(), round_number=0, first_index=0, count_words=True, tokenizer=Letters()
    )
    return FinishedPrompt(sequences, branches, {"steps": 8})


def test_a_finished_prompt_is_found_under_its_key(tmp_path: Path, finished: FinishedPrompt) -> None:
    said: list[str] = []
    journal = Journal(tmp_path, said.append)
    assert journal.read("p") is None
    journal.write("p", finished)
    found = journal.read("p")
    assert found is not None
    assert found.branches.equals(finished.branches)
    assert found.sequences.drop_columns("entropies").equals(
        finished.sequences.drop_columns("entropies")
    )
    assert found.counts == {"steps": 8}
    assert journal.read("q") is None
    assert said == []


def test_damage_anywhere_is_noticed_said_and_cleared(
    tmp_path: Path, finished: FinishedPrompt
) -> None:
    said: list[str] = []
    journal = Journal(tmp_path, said.append)
    journal.write("p", finished)
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    flipped = [
        content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        for place in range(0, len(content), 7)
    ]
    shortened = [content[:size] for size in range(0, len(content), 97)]
    damages = [*flipped, *shortened, content + b"\0", b"\n"]
    for damaged in damages:
        file.write_bytes(damaged)
        assert journal.read("p") is None
        assert not file.exists()
    assert len(said) == len(damages)
    assert all(line.startswith(f"{file}: damaged") for line in said)


def test_other_parameters_have_another_journal(tmp_path: Path, finished: FinishedPrompt) -> None:
    ours, theirs = (Journal(tmp_path / journal_name(text), print) for text in ("a", "b"))
    ours.write("p", finished)
    theirs.write("p", finished)
    assert ours.folder != theirs.folder
    (tmp_path / "sequences.parquet").touch()
    remove_journals(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["sequences.parquet"]
