"""evalplus's forms of samples."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eager.sandbox.samples import read_samples
from eager.sandbox.tasks import CodeTask
from eager.util.errors import EagerError

TASKS = [
    CodeTask(
        task_id=task_id, prompt="", entry_point="f", canonical_solution="",
        base_inputs=([],), plus_inputs=(),
    )
    for task_id in ("HumanEval/53", "HumanEval/6", "our_own/7")
]  # fmt: skip


def test_a_folder_of_programs(tmp_path: Path) -> None:
    """Tasks and samples in the order of their numbers; an underscore of a task's own stays."""
    for name in ("HumanEval_53/0", "HumanEval_53/10", "HumanEval_53/2", "our_own_7/0"):
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"\xef\xbb\xbf" * (name == "our_own_7/0") + f"# é {name}\n".encode())
    (tmp_path / "HumanEval_53/notes.txt").write_text("x")
    (tmp_path / "README.md").write_text("x")
    (tmp_path / ".git").mkdir()
    read = read_samples(tmp_path, TASKS)
    assert [(one.task_id, one.sample_id, one.solution) for one in read] == [
        ("HumanEval/53", 0, "# é HumanEval_53/0\n"),
        ("HumanEval/53", 1, "# é HumanEval_53/2\n"),
        ("HumanEval/53", 2, "# é HumanEval_53/10\n"),
        ("our_own/7", 0, "# é our_own_7/0\n"),
    ]


def test_what_is_wrong_in_a_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(EagerError, match=r"no sample in it; .*HumanEval_53/0.py"):
        read_samples(tmp_path, TASKS)
    other = tmp_path / "HumanEval_999/0.py"
    other.parent.mkdir()
    other.write_text("")
    with pytest.raises(EagerError, match=r"HumanEval_999/0.py: .*no task 'HumanEval/999'"):
        read_samples(tmp_path, TASKS)
    other.parent.rename(tmp_path / "HumanEval_53")
    (tmp_path / "HumanEval_53/0.py").write_bytes(b"\xff\xfe")
    with pytest.raises(EagerError, match=r"HumanEval_53/0.py: cannot be read as UTF-8"):
        read_samples(tmp_path, TASKS)


@pytest.mark.parametrize(
    ("row", "content"),
    [
        ({"solution": None, "completion": "c"}, (None, "c")),
        ({"solution": "s", "completion": None}, ("s", None)),
        ({"solution": "s", "completion": "c"}, ("s", None)),
        ({"solution": "", "completion": "c"}, ("", None)),
    ],
)
def test_null_is_as_good_as_absent(
    tmp_path: Path, row: dict[str, str | None], content: tuple[str | None, str | None]
) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_text(json.dumps({"task_id": "HumanEval/6", **row}))
    (read,) = read_samples(path, TASKS)
    assert (read.solution, read.completion) == content


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ('"solution": null, "completion": null', "neither solution nor completion"),
        ('"solution": "x = 1\\ud800"', r"solution holds half a character \(lone"),
        ('"completion": "x = 1\\ud800"', r"completion holds half a character \(lone"),
    ],
)
def test_what_is_wrong_in_a_line_is_told(tmp_path: Path, fields: str, words: str) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_text(f'{{"task_id": "HumanEval/53", {fields}}}\n')
    with pytest.raises(EagerError, match=f"line 1: {words}"):
        read_samples(path, TASKS)
