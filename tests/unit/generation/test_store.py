"""The store: what is kept is found, and damage anywhere in a file is detected and reported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eager.generation.store import FinishedPrompt, Store, entry_key
from eager.progress.clean import Cleaned, clean
from eager.util.errors import EagerError
from tests.support.trees import small_tree, tables_of

KEY, OTHER = "ab" * 16, "cd" * 16


@pytest.fixture
def finished() -> FinishedPrompt:
    sequences, branches = tables_of(small_tree())
    return FinishedPrompt(sequences, branches, {"steps": 8})


def test_a_finished_prompt_is_found_under_its_key(tmp_path: Path, finished: FinishedPrompt) -> None:
    said: list[str] = []
    store = Store(tmp_path, said.append)
    assert store.read(KEY) is None
    store.write(KEY, finished)
    found = store.read(KEY)
    assert found is not None
    assert found.branches.equals(finished.branches)
    assert found.sequences.drop_columns("entropies").equals(
        finished.sequences.drop_columns("entropies")
    )
    assert found.counts == {"steps": 8}
    assert store.read(OTHER) is None
    assert said == []


def test_damage_anywhere_is_noticed_said_and_cleared(
    tmp_path: Path, finished: FinishedPrompt
) -> None:
    said: list[str] = []
    store = Store(tmp_path, said.append)
    store.write(KEY, finished)
    (file,) = store.entries()
    content = file.read_bytes()
    flipped = [
        content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        for place in range(0, len(content), 7)
    ]
    shortened = [content[:size] for size in range(0, len(content), 97)]
    damages = [*flipped, *shortened, content + b"\0", b"\n"]
    for damaged in damages:
        file.write_bytes(damaged)
        assert store.read(KEY) is None
        assert not file.exists()
    assert len(said) == len(damages)
    assert all(line.startswith(f"{file}: damaged") for line in said)


def test_what_made_a_prompt_names_it() -> None:
    keys = {entry_key(identity, prompt) for identity in ("a", "b") for prompt in ("p", "q")}
    assert len(keys) == 4
    assert entry_key("a", "p") in keys


def test_ten_thousand_prompts_are_looked_up_without_listing_them(
    tmp_path: Path, finished: FinishedPrompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path, print)
    keys = [entry_key("settings", str(number)) for number in range(10_000)]
    for key in keys[:100]:
        store.write(key, finished)
    monkeypatch.setattr(Path, "glob", None)
    monkeypatch.setattr(Path, "iterdir", None)
    assert sum(store.path(key).exists() for key in keys) == 100
    assert store.read(keys[99]) is not None


def test_a_job_keeps_others_off_its_prompts_only(tmp_path: Path) -> None:
    store = Store(tmp_path, print)
    with store.hold([KEY]):
        with pytest.raises(EagerError, match="another job is generating"), store.hold([KEY]):
            pass
        with store.hold([OTHER]):
            pass
    with store.hold([KEY]):
        pass


def test_fewer_samples_never_replace_more(tmp_path: Path, finished: FinishedPrompt) -> None:
    store = Store(tmp_path, print)
    for count in (1, 2, 1):
        store.write(KEY, finished.first(count))
    assert store.size(KEY) == finished.sequences.num_rows == 2


def test_clean_deletes_what_no_result_uses_and_says_how_much(
    tmp_path: Path, finished: FinishedPrompt
) -> None:
    store = Store(tmp_path / "store", print)
    for key in (KEY, OTHER):
        store.write(key, finished)
    run = tmp_path / "e/m/d/cell/eager_init/run.json"
    run.parent.mkdir(parents=True)
    run.write_text(json.dumps({"store": [KEY]}))
    size = store.path(OTHER).stat().st_size
    for dry_run in (True, False):
        assert clean(tmp_path, store.folder, dry_run=dry_run) == Cleaned(1, size, 1)
        assert store.path(OTHER).exists() == dry_run
    assert clean(tmp_path, store.folder, dry_run=False) == Cleaned(0, 0, 1)
    with store.hold([KEY]), pytest.raises(EagerError, match="a generation is running"):
        clean(tmp_path, store.folder, dry_run=False)
    run.write_text("{")
    with pytest.raises(EagerError, match=r"run\.json: cannot be read"):
        clean(tmp_path, store.folder, dry_run=False)
    assert store.read(KEY) is not None
