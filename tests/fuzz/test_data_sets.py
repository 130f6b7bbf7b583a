"""Damaged data sets and samples are refused with a message, or are what a task wants."""

from __future__ import annotations

import gzip
import io
import json
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eager.config.schema import DatasetEntry
from eager.data.escapes import COMMANDS, CONTROLS, WORDS, eaten
from eager.data.tasks import Task, fetch_tasks, read_tasks
from eager.sandbox.samples import read_samples
from eager.sandbox.tasks import load_evalplus
from tests.support.fuzzing import attempt, damaged_bytes, damaged_json, fuzz

ROWS: dict[str, list[dict[str, Any]]] = {
    "math": [
        {"id": "a", "problem": "What is 2 + 2?", "answer": "4"},
        {"id": "b", "problem": "½ ≤ x?", "answer": 70},
    ],
    "choice": [
        {"id": 1, "problem": "A) x B) y", "answer": "A"},
        {"id": 2, "problem": "A) z B) w", "answer": "(B)"},
    ],
    "code": [
        {
            "id": f"mine/{number}",
            "task_id": f"mine/{number}",
            "problem": "def f(x):\n",
            "prompt": "def f(x):\n",
            "canonical_solution": "    return x\n",
            "entry_point": "f",
            "base_input": [[1], ["é"]],
            "plus_input": [[[2.5, None]]],
            "atol": 0,
        }
        for number in (1, 2)
    ],
}
KINDS = list(ROWS)


def lines(rows: Any) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def fetch(folder: Path, kind: Any, name: str, content: bytes) -> list[Task]:
    path = folder / name
    path.write_bytes(content)
    entry = DatasetEntry(kind=kind, path=str(path), id_field="id")
    fetch_tasks("mine", entry, folder / "tasks.jsonl", folder / "manifest.json")
    return read_tasks(folder / "tasks.jsonl")


def check(tasks: list[Task]) -> None:
    """What a model is asked and what its answer is compared with."""
    assert len({task.id for task in tasks}) == len(tasks) > 0
    for task in tasks:
        assert task.problem.strip()
        (task.problem + task.target + task.id).encode()
        if task.kind == "choice":
            assert len(task.target) == 1
            assert "A" <= task.target <= "Z"
        elif task.kind == "math":
            assert task.target.strip()
            assert task.target.lower() not in ("nan", "none", "null", "true", "false")
            assert not task.target.startswith(("[{", "{'", "['", "('"))
            assert eaten(task.target, target=False) is None
        else:
            assert task.code is not None
            inputs = [*task.code["base_input"], *(task.code["plus_input"] or [])]
            assert inputs
            assert all(isinstance(arguments, list) for arguments in inputs)
            assert math.isfinite(task.code["atol"])
            assert task.code["entry_point"].isidentifier()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.mark.parametrize("kind", KINDS)
@fuzz()
@given(data=st.data())
def test_values_in_rows(kind: str, folder: Path, data: st.DataObject) -> None:
    content = lines(data.draw(st.lists(damaged_json(ROWS[kind][0]), max_size=2)) + ROWS[kind][1:])
    tasks = attempt(f"data set, {kind}, values", lambda: fetch(folder, kind, "d.jsonl", content))
    check(tasks or fetch(folder, kind, "d.jsonl", lines(ROWS[kind])))


@pytest.mark.parametrize("kind", KINDS)
@fuzz()
@given(data=st.data())
def test_bytes_of_json_lines(kind: str, folder: Path, data: st.DataObject) -> None:
    content = data.draw(damaged_bytes(lines(ROWS[kind])))
    if tasks := attempt(
        f"data set, {kind}, bytes", lambda: fetch(folder, kind, "d.jsonl", content)
    ):
        check(tasks)


NAMES = st.sampled_from(["d.jsonl.gz", "d.jsonl", "D.GZ", "d.jsonl.gz?download=true", "d.pq", "d"])


@fuzz()
@given(content=damaged_bytes(gzip.compress(lines(ROWS["math"]), mtime=0)), name=NAMES)
def test_bytes_of_a_compressed_file(folder: Path, content: bytes, name: str) -> None:
    """Only what its checksum does not cover may change: then the rows are the same."""
    tasks = attempt("data set, gzip", lambda: fetch(folder, "math", name, content))
    assert tasks is None or tasks == fetch(folder, "math", "d.jsonl", lines(ROWS["math"]))


@fuzz(share=0.5)
@given(data=st.data())
def test_bytes_of_parquet(folder: Path, data: st.DataObject) -> None:
    stream = io.BytesIO()
    pq.write_table(pa.table({"id": ["a", "b"], "problem": ["x", "y"], "answer": [1, 2]}), stream)
    content = data.draw(damaged_bytes(stream.getvalue()))
    name = data.draw(NAMES)
    if tasks := attempt("data set, Parquet", lambda: fetch(folder, "math", name, content)):
        check(tasks)


@fuzz()
@given(
    field=st.sampled_from(["problem", "answer"]),
    name=st.sampled_from([*COMMANDS, *WORDS, "alpha", "boxed", "beta", "angle"]),
    around=st.tuples(st.text(max_size=5), st.sampled_from(["{2}", "\\pi", "{a}{b}$"])),
)
def test_no_eaten_backslash_is_accepted(
    folder: Path, field: str, name: str, around: tuple[str, str]
) -> None:
    before, behind = around
    row = ROWS["math"][0] | {field: before + CONTROLS[name[0]][0] + name[1:] + behind}
    refused = attempt("data set, escapes", lambda: fetch(folder, "math", "d", lines([row])))
    assert refused is None


ELEMENTS = st.text(min_size=1, max_size=6).filter(lambda text: text.strip(" \t\n#") == text)


@fuzz()
@given(parts=st.lists(ELEMENTS, min_size=1, max_size=3), kind=st.sampled_from([list, tuple, set]))
def test_printed_containers_are_their_only_element(
    folder: Path, parts: list[str], kind: type
) -> None:
    def target(value: Any) -> str | None:
        row = ROWS["math"][0] | {"answer": value}
        tasks = attempt("data set, containers", lambda: fetch(folder, "math", "d", lines([row])))
        return tasks[0].target if tasks else None

    found = target(repr(kind(parts)))
    assert found == (target(parts[0]) if len(kind(parts)) == 1 else None)


WRONG_TARGETS: list[Any] = [
    None, True, False, float("nan"), float("inf"), "", " ", "\t\n", "nan", "null", [], {},
    ["1", "2"], {"a": 1}, [None], [[1]], [True], "\ud800", "\0", [""], 1e300,
]  # fmt: skip


@fuzz()
@given(
    kind=st.sampled_from(["math", "choice"]),
    field=st.sampled_from(["problem", "answer"]),
    value=st.sampled_from(WRONG_TARGETS),
    row=st.integers(0, 1),
)
def test_no_wrong_value_is_accepted(
    folder: Path, kind: str, field: str, value: Any, row: int
) -> None:
    rows = [dict(content) for content in ROWS[kind]]
    rows[row][field] = value
    content = lines(rows)
    assert (
        attempt("data set, wrong values", lambda: fetch(folder, kind, "d.jsonl", content)) is None
    )


@fuzz()
@given(data=st.data())
def test_evalplus_files(folder: Path, data: st.DataObject) -> None:
    path = folder / "evalplus.jsonl"
    rows = data.draw(damaged_json(ROWS["code"]))
    whole = lines(rows) if isinstance(rows, list) else lines([rows])
    path.write_bytes(data.draw(st.just(whole) | damaged_bytes(lines(ROWS["code"]))))
    for task in attempt("evalplus data set", lambda: load_evalplus(path)) or []:
        assert task.base_inputs or task.plus_inputs
        assert all(isinstance(arguments, list) for arguments in task.base_inputs)
        assert task.entry_point


SAMPLES = [
    {"task_id": "mine/1", "solution": "def f(x):\n    return x\n"},
    {"task_id": "mine/2", "completion": "    return x\n"},
]


@fuzz()
@given(data=st.data())
def test_samples(folder: Path, data: st.DataObject) -> None:
    dataset, path = folder / "tasks_of_samples.jsonl", folder / "samples.jsonl"
    dataset.write_bytes(lines(ROWS["code"]))
    known = load_evalplus(dataset)
    rows = data.draw(damaged_json(SAMPLES))
    whole = lines(rows) if isinstance(rows, list) else lines([rows])
    path.write_bytes(data.draw(st.just(whole) | damaged_bytes(lines(SAMPLES))))
    for submission in attempt("samples", lambda: read_samples(path, known)) or []:
        assert submission.task_id in ("mine/1", "mine/2")
        program = submission.solution or submission.completion or ""
        program.encode()


@fuzz()
@given(data=st.data())
def test_stored_tasks(folder: Path, data: st.DataObject) -> None:
    """What stands in results/ may be cut off by a full disk."""
    fetch(folder, "math", "d.jsonl", lines(ROWS["math"]))
    path = folder / "stored.jsonl"
    path.write_bytes(data.draw(damaged_bytes((folder / "tasks.jsonl").read_bytes())))
    attempt("stored tasks", lambda: read_tasks(path))
