"""Programs of a result on their way through `eager evaluate`, as the rule calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from eager.config.experiment import imported_target
from eager.config.schema import DatasetEntry
from eager.data.tasks import Task, fetch_tasks, read_tasks
from eager.evaluation.evaluate import evaluate
from eager.evaluation.programs import CodeOptions, program_text
from eager.sandbox.engines.containers import SandboxEngine
from eager.sandbox.settings import SandboxSettings
from eager.util.tables import SEQUENCES, read_table, write_table
from tests.support.sandbox import MINICODE

BODY = "def sum_of_two(a: int, b: int) -> int:\n    return a {} b\n"
TEXTS = [
    "Let me think: `return a - b`? No.</think>Here:\n```python\n" + BODY.format("+") + "```\nDone.",
    "</think>```python\n" + BODY.format("-") + "```",
    "```python\n" + BODY.format("+") + "```",  # never stops thinking
    "</think>" + "the same line\n" * 61,
    "</think>" + "---\n" * 61 + "```python\n" + BODY.format("+") + "```",
    "Sure.</think>```python\n" + BODY.format("+") + "```",
]


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    path = tmp_path / "tasks.jsonl"
    entry = DatasetEntry(kind="code", path=str(MINICODE), id_field="task_id", prompt_field="prompt")
    fetch_tasks("minicode", entry, path, tmp_path / "manifest.json")
    return path


def test_texts_become_verdicts(tmp_path: Path, tasks: Path, bubblewrap: SandboxEngine) -> None:
    rows = [
        {"prompt_id": "minicode/0", "sequence_index": i, "text": text, "finish_reason": "stop"}
        for i, text in enumerate(TEXTS)
    ]
    target = imported_target(tmp_path, {}, "parallel")
    write_table(
        target.file("sequences.parquet"), pa.Table.from_pylist(rows, SEQUENCES), "sequences"
    )
    settings = SandboxSettings(engine="bubblewrap")
    code = CodeOptions(end_of_thinking="</think>", limits={"min_time_limit": 2.0})
    evaluate(target, code, settings, tmp_path / "cache")
    verdicts = read_table(target.file("verdicts.parquet"), "verdicts").to_pylist()
    assert [verdict["status"] for verdict in verdicts] == [
        "ok",
        "wrong",
        "no_answer",
        "exception",
        "ok",
        "ok",
    ]
    right = [verdict["correct"] for verdict in verdicts]
    assert right == [True, False, False, False, True, True]
    # The authors' evaluation discards a text with one line over 60 times.
    assert [verdict["correct_upstream"] for verdict in verdicts] == [*right[:4], False, True]
    assert [(verdict["base"], verdict["plus"]) for verdict in verdicts[:2]] == [
        (True, True),
        (False, False),
    ]
    # Equal programs are one candidate of the vote; without one there is no vote.
    assert [verdict["candidate"] for verdict in verdicts] == [0, 1, None, 2, 0, 0]


def test_a_text_may_continue_its_prompt(tasks: Path) -> None:
    task = read_tasks(tasks)[0]
    options = CodeOptions(continues_prompt=True)
    text = program_text(task, "    return a + b\n", options)
    assert text == task.problem + "    return a + b\n"


def test_a_task_of_another_format_is_reported(tmp_path: Path, bubblewrap: SandboxEngine) -> None:
    task = Task(id="t/0", problem="p", target="", kind="code", code={"entry_point": "f"})
    path = tmp_path / "tasks.jsonl"
    path.write_text(json.dumps(task.model_dump()) + "\n")
    row = {"prompt_id": "t/0", "sequence_index": 0, "text": "x", "finish_reason": "stop"}
    target = imported_target(tmp_path, {}, "parallel")
    write_table(
        target.file("sequences.parquet"), pa.Table.from_pylist([row], SEQUENCES), "sequences"
    )
    with pytest.raises(Exception, match=r"task 't/0' is not in evalplus's format .*base_input"):
        evaluate(target, CodeOptions(), SandboxSettings(), tmp_path / "cache")
