"""Sequences to verdicts: each one's answer, whether it is right, and what it votes for."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa

from eager.answers import extract_boxed, group_equivalent, is_correct, is_correct_upstream
from eager.errors import EagerError
from eager.tables import read_table, write_table
from eager.tasks import Task, read_tasks

VERDICTS = pa.schema(
    [
        ("prompt_id", pa.string()),
        ("sequence_index", pa.int32()),
        ("answer", pa.string()),  # null: none
        ("candidate", pa.int32()),  # equivalent answers of a prompt share a number; null: no vote
        ("correct", pa.bool_()),
        ("correct_upstream", pa.bool_()),
        ("status", pa.string()),  # ok | wrong | no_answer | no_answer_length
    ]
)


def evaluate(sequences_path: Path, tasks_path: Path, output: Path) -> None:
    """Judge every sequence of a result.

    Raises:
        EagerError: a sequence belongs to no task, or the tasks are of a kind this cannot judge.
    """
    tasks = {task.id: task for task in read_tasks(tasks_path)}
    columns = ["prompt_id", "sequence_index", "text", "finish_reason"]
    rows = read_table(sequences_path, "sequences").select(columns).to_pylist()
    verdicts: list[dict[str, Any]] = []
    for prompt_id, sequences in groupby(rows, key=lambda row: row["prompt_id"]):
        if prompt_id not in tasks:
            raise EagerError(f"{sequences_path}: prompt {prompt_id!r} is not in {tasks_path}")
        verdicts += judge(tasks[prompt_id], list(sequences))
    write_table(output, pa.Table.from_pylist(verdicts, VERDICTS), "verdicts")


def judge(task: Task, sequences: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Verdicts of one prompt's sequences (rows in the schema `verdicts`)."""
    if task.kind == "code":
        raise EagerError(f"task {task.id}: code cannot be judged yet: it needs a sandbox")
    answers = [extract_boxed(sequence["text"]) for sequence in sequences]
    candidates = group_equivalent(answers, task.kind)
    correct = [is_correct(answer, task.target, task.kind) for answer in answers]
    return [
        {
            "prompt_id": task.id,
            "sequence_index": sequence["sequence_index"],
            "answer": answer,
            "candidate": candidate,
            "correct": is_right,
            "correct_upstream": is_correct_upstream(answer, task.target),
            "status": _status(answer, is_right, sequence["finish_reason"]),
        }
        for sequence, answer, candidate, is_right in zip(
            sequences, answers, candidates, correct, strict=True
        )
    ]


def _status(answer: str | None, correct: bool, finish_reason: str) -> str:
    if answer is None:
        return "no_answer_length" if finish_reason == "length" else "no_answer"
    return "ok" if correct else "wrong"
