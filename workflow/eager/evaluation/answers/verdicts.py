"""Sequences to verdicts: each one's answer, whether it is right, and what it votes for."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from eager.data.tasks import Task
from eager.evaluation.answers.boxes import extract_boxed, last_box
from eager.evaluation.answers.matching import group_equivalent, is_correct, is_correct_upstream

VERDICTS = pa.schema(
    [
        ("prompt_id", pa.string()),
        ("sequence_index", pa.int32()),
        ("answer", pa.string()),  # null: none, or only empty boxes
        ("candidate", pa.int32()),  # equivalent answers of a prompt share a number; null: no vote
        ("correct", pa.bool_()),
        ("correct_upstream", pa.bool_()),
        # ok | wrong | no_answer | no_answer_length; of code also exception, timeout, memory, ...
        ("status", pa.string()),
        ("base", pa.bool_()),  # code: passes evalplus's base inputs; null for other kinds
        ("plus", pa.bool_()),
        ("detail", pa.string()),  # code: why it is not right
    ]
)


def judge(task: Task, sequences: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Verdicts of one prompt's sequences (rows in the schema `verdicts`), for math and choice."""
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
            "correct_upstream": is_correct_upstream(last_box(sequence["text"]), task.target),
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
