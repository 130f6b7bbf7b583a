"""Data sets: the paper's columns, local files, and messages about rows that do not fit."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from eager.config.schema import DatasetEntry
from eager.data.tasks import Task, check_local, fetch_tasks, read_tasks
from eager.util.errors import EagerError
from tests.support.repository import ROOT

# Columns and types as the hub serves them (one row each).
HUB_ROWS = {
    "AIME2024": {"ID": "2024-II-4", "Problem": "p", "Solution": "s", "Answer": 33},
    "AIME2025": {"question": "p", "answer": "70"},
    "HMMT-Feb-2025": {"problem_idx": 10, "problem": "p", "answer": "x, y", "problem_type": ["a"]},
    "GPQA-Diamond": {"question": "p A) .. D) ..", "answer": "C"},
    "HumanEvalPlus": {
        "task_id": "HumanEval/0",
        "prompt": "def f():",
        "canonical_solution": "    return 1",
        "entry_point": "f",
        "base_input": [[1]],
        "plus_input": [[2]],
        "atol": 0,
    },
}
EXPECTED = {
    "AIME2024": ("2024-II-4", "33", "math"),
    "AIME2025": ("1", "70", "math"),
    "HMMT-Feb-2025": ("10", "x, y", "math"),
    "GPQA-Diamond": ("1", "C", "choice"),
    "HumanEvalPlus": ("HumanEval/0", "", "code"),
}


RIGHT = {"problem": "x", "answer": "3"}
CODE_FIELDS = ("entry_point", "canonical_solution", "base_input", "plus_input", "atol")
SOURCE_KEYS = ("repo", "revision", "url", "file_sha256")


def fetch(folder: Path, entry: DatasetEntry) -> list[Task]:
    fetch_tasks("mine", entry, folder / "tasks.jsonl", folder / "manifest.json")
    return read_tasks(folder / "tasks.jsonl")


@pytest.mark.parametrize("name", HUB_ROWS)
def test_columns_of_the_papers_data_sets(name: str, tmp_path: Path) -> None:
    entries = yaml.safe_load((ROOT / "config/datasets.yaml").read_text())
    assert set(HUB_ROWS) <= set(entries)
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.Table.from_pylist([HUB_ROWS[name]]), path)
    kept = {k: v for k, v in entries[name].items() if k not in SOURCE_KEYS}
    (task,) = fetch(tmp_path, DatasetEntry(**kept, path=str(path)))
    assert (task.id, task.target, task.kind) == EXPECTED[name]
    assert task.problem.startswith(("p", "def"))
    if name == "HumanEvalPlus":
        assert task.code == {key: HUB_ROWS[name][key] for key in CODE_FIELDS}


def write_rows(folder: Path, *rows: object) -> str:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_a_data_set_of_ones_own(tmp_path: Path) -> None:
    path = write_rows(tmp_path, {"problem": "2 + 2?", "answer": 4}, {"problem": "3?", "answer": 3})
    tasks = fetch(tmp_path, DatasetEntry(kind="math", path=path))
    assert [(task.id, task.target) for task in tasks] == [("1", "4"), ("2", "3")]
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    content = (tmp_path / "tasks.jsonl").read_bytes()
    assert manifest["sha256"] == hashlib.sha256(content).hexdigest()
    assert manifest["tasks"] == 2


def test_mistakes_of_all_local_data_sets_are_told_before_anything_runs(tmp_path: Path) -> None:
    entries = {}
    for name, row in {"one": {"problem": "x"}, "two": {"answer": "3"}, "fine": RIGHT}.items():
        (tmp_path / name).mkdir()
        path = write_rows(tmp_path / name, row)
        entries[name] = DatasetEntry(kind="math", path=path)
    entries["hub"] = DatasetEntry(kind="math", repo="a/b", revision="0" * 40)
    entries["gone"] = DatasetEntry(kind="math", path=str(tmp_path / "gone.jsonl"))
    with pytest.raises(EagerError) as caught:
        check_local(entries, tmp_path)
    assert "data set one: " in str(caught.value)
    assert "data set two: " in str(caught.value)
    assert "fine" not in str(caught.value)
    # What was fetched since is not read again.
    for name in ("one", "two"):
        (tmp_path / name / "tasks.jsonl").touch()
    check_local(entries, tmp_path)


@pytest.mark.parametrize(
    ("rows", "changes", "message"),
    [
        ([], {}, "no rows in"),
        (
            [{"problem": "x"}],
            {},
            "line 1, answer: is missing; the fields are problem; set id_field",
        ),
        ([{"problem": "x", "answer": None}], {}, "line 1, answer: is null"),
        ([[1, 2]], {}, "line 1: an object is expected"),
        (
            [{"id": 1, "problem": "x", "answer": 1}] * 2,
            {"id_field": "id"},
            "line 2, id: the id '1' is that of .*line 1 too; name a field with unique",
        ),
        (
            [{"problem": "x", "answer": 1}],
            {"sha256": "0" * 64},
            "the configuration expects 000",
        ),
    ],
)
def test_rows_that_do_not_fit(
    rows: list[object], changes: dict[str, str], message: str, tmp_path: Path
) -> None:
    entry = DatasetEntry(kind="math", path=write_rows(tmp_path, *rows), **changes)
    with pytest.raises(EagerError, match=message):
        fetch(tmp_path, entry)
    assert not (tmp_path / "tasks.jsonl").exists()


def test_files_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(EagerError, match=r"nowhere\.jsonl: no such file"):
        fetch(tmp_path, DatasetEntry(kind="math", path=str(tmp_path / "nowhere.jsonl")))
    path = tmp_path / "rows.jsonl"
    path.write_text('{"problem": "x", "answer": 1}\nnot json\n')
    with pytest.raises(EagerError, match="line 2: not JSON"):
        fetch(tmp_path, DatasetEntry(kind="math", path=str(path)))


def test_infinities_among_inputs_survive(tmp_path: Path) -> None:
    row = HUB_ROWS["HumanEvalPlus"] | {"plus_input": [[float("inf"), 10**30]]}
    (task,) = fetch(
        tmp_path,
        DatasetEntry(kind="code", path=write_rows(tmp_path, row), prompt_field="prompt"),
    )
    assert task.code is not None
    assert task.code["plus_input"] == [[float("inf"), 10**30]]


def test_a_file_behind_an_address_is_checked_by_its_hash(tmp_path: Path) -> None:
    content = Path(write_rows(tmp_path, {"problem": "x", "answer": 1})).read_bytes()
    kept = tmp_path / "kept.jsonl"
    kept.write_bytes(content)
    entry = DatasetEntry(
        kind="math",
        url="https://localhost:1/kept.jsonl",
        file_sha256=hashlib.sha256(content).hexdigest(),
    )
    assert [task.problem for task in fetch(tmp_path, entry)] == ["x"]
    kept.write_bytes(content + b"\n")
    with pytest.raises(EagerError, match=r"cannot fetch https://localhost:1/kept\.jsonl"):
        fetch(tmp_path, entry)
