"""Programs of a result on their way to verdicts, as the rule evaluates them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from eager.config.schema import DatasetEntry
from eager.data.tasks import Task, fetch_tasks, read_tasks
from eager.evaluation.programs import CodeOptions, evaluate_programs
from eager.sandbox.settings import SandboxSettings
from eager.util.errors import EagerError
from tests.support.sandbox import MINICODE

BODY = "def sum_of_two(a: int, b: int) -> int:\n    return a {} b\n"
TEXTS = {
    "Let me think: `return a - b`? No.</think>Here:\n```python\n" + BODY.format("+") + "```\nDone.":
        ("ok", True, True, 0),
    "</think>```python\n" + BODY.format("-") + "```": ("wrong", False, False, 1),
    # It never stops thinking.
    "```python\n" + BODY.format("+") + "```": ("no_answer", False, False, None),
    "</think>" + "the same line\n" * 61: ("exception", False, False, 2),
    # The authors' evaluation discards a text with one line over 60 times.
    "</think>" + "---\n" * 61 + "```python\n" + BODY.format("+") + "```": ("ok", True, False, 0),
    # Equal programs are one candidate of the vote.
    "Sure.</think>```python\n" + BODY.format("+") + "```": ("ok", True, True, 0),
}  # fmt: skip


def verdicts(tasks: list[Task], texts: list[str], cache: Path, **options: Any) -> list[Any]:
    rows = [
        {"prompt_id": tasks[0].id, "sequence_index": index, "text": text}
        for index, text in enumerate(texts)
    ]
    by_id = {task.id: task for task in tasks}
    settings = SandboxSettings(engine="bubblewrap")
    return evaluate_programs(by_id, rows, CodeOptions(**options), settings, cache)


@pytest.fixture
def tasks(tmp_path: Path) -> list[Task]:
    path = tmp_path / "tasks.jsonl"
    entry = DatasetEntry(kind="code", path=str(MINICODE), id_field="task_id", prompt_field="prompt")
    fetch_tasks("minicode", entry, path, tmp_path / "manifest.json")
    return read_tasks(path)


@pytest.mark.usefixtures("bubblewrap")
def test_texts_become_verdicts(tmp_path: Path, tasks: list[Task]) -> None:
    options = {"end_of_thinking": "</think>", "limits": {"min_time_limit": 2.0}}
    rows = verdicts(tasks, list(TEXTS), tmp_path, **options)
    keys = ("status", "correct", "correct_upstream", "candidate")
    assert [tuple(row[key] for key in keys) for row in rows] == list(TEXTS.values())
    assert [(row["base"], row["plus"]) for row in rows[:2]] == [(True, True), (False, False)]
    (row,) = verdicts(tasks, ["    return a + b\n"], tmp_path, continues_prompt=True)
    assert row["correct"]


def test_a_task_of_another_format_is_reported(tmp_path: Path) -> None:
    task = Task(id="t/0", problem="p", target="", kind="code", code={"entry_point": "f"})
    with pytest.raises(EagerError, match=r"task 't/0' is not in evalplus's format .*base_input"):
        verdicts([task], ["x"], tmp_path)
