"""Verdicts of programs: the text of a sequence goes to the sandbox, whole results at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from eager.config.settings import StrictModel
from eager.data.tasks import Task
from eager.sandbox.checker import REFERENCE_FAILS
from eager.sandbox.evaluate import evaluate
from eager.sandbox.settings import SandboxSettings
from eager.sandbox.tasks import CodeTask, CodeVerdict, Submission, code_task
from eager.util.errors import EagerError

MAX_REPEATED_LINE = 60
"""The authors' limit: a text that says one line more often is discarded."""


class CodeOptions(StrictModel):
    """What decides the verdict of a program besides its task.

    Attributes:
        end_of_thinking: the answer is the text after this marker; None: the whole text.
        continues_prompt: the text continues the task's prompt (no chat template).
        limits: the fields of `SandboxSettings` that a verdict depends on.
    """

    end_of_thinking: str | None = None
    continues_prompt: bool = False
    limits: dict[str, int | float] = Field(default_factory=dict)


def evaluate_programs(
    tasks: Mapping[str, Task],
    sequences: Sequence[Mapping[str, Any]],
    options: CodeOptions,
    settings: SandboxSettings,
    cache: Path,
) -> list[dict[str, Any]]:
    """Verdicts of sequences (rows in the schema `verdicts`), in their order.

    Args:
        tasks: the data set's tasks by id.
        sequences: rows with prompt_id, sequence_index and text.
        options: how a text becomes a program, and limits.
        settings: how programs are run.
        cache: folder of stored results; what is there is not run again.

    Raises:
        EagerError: a task lacks a field, or no sandbox works here.
    """
    needed = {sequence["prompt_id"] for sequence in sequences}
    code_tasks = [_code_task(task) for task in tasks.values() if task.id in needed]
    submissions = [
        Submission(
            task_id=sequence["prompt_id"],
            sample_id=sequence["sequence_index"],
            text=program_text(tasks[sequence["prompt_id"]], sequence["text"], options),
        )
        for sequence in sequences
    ]
    limited = SandboxSettings.model_validate(settings.model_dump() | options.limits)
    verdicts = evaluate(code_tasks, submissions, limited, cache)
    return _rows(verdicts, [discarded_upstream(one.text or "") for one in submissions])


def program_text(task: Task, text: str, options: CodeOptions) -> str:
    """The text that holds the program; empty where the marker has not appeared.

    Source: the paper's evaluation of HumanEval+ takes the text after the end of thinking.
    """
    if options.end_of_thinking:
        text = text.partition(options.end_of_thinking)[2]
    return task.problem + text if options.continues_prompt else text


def discarded_upstream(text: str) -> bool:
    """Whether the authors' evaluation gives up a text as a loop.

    Source: their evaluation of HumanEval+, which keeps no text with one line over 60 times.
    evalplus has no such rule: a right program may stand after any number of equal lines.
    """
    lines = Counter(filter(None, map(str.strip, text.split("\n"))))
    return max(lines.values(), default=0) > MAX_REPEATED_LINE


def references_that_fail(verdicts: Iterable[Mapping[str, Any]]) -> list[str]:
    """What is wrong with tasks whose reference's own output fails a test: no program passes it.

    Args:
        verdicts: rows with `prompt_id` and, of programs, `detail`.
    """
    details = {(one["prompt_id"], one.get("detail") or "") for one in verdicts}
    failing = dict(pair for pair in sorted(details) if pair[1].endswith(REFERENCE_FAILS))
    if not failing:
        return []
    name, detail = next(iter(failing.items()))
    line = f"no program can solve {len(failing)} of the tasks, such as {name!r}: {detail} (NaN and "
    return [line + "arrays do not equal themselves); leave such inputs out of the data set"]


def _code_task(task: Task) -> CodeTask:
    row = {"task_id": task.id, "prompt": task.problem, **(task.code or {})}
    try:
        return code_task(row)
    except (KeyError, TypeError, ValueError) as error:
        raise EagerError(
            f"task {task.id!r} is not in evalplus's format ({type(error).__name__}: {error}); it "
            "needs prompt, entry_point, canonical_solution, base_input, plus_input and atol"
        ) from None


def _rows(verdicts: Sequence[CodeVerdict], discarded: Sequence[bool]) -> list[dict[str, Any]]:
    """Rows, with a number for each different program of a prompt as its candidate in a vote.

    `discarded`: per verdict, whether the authors' evaluation would not have looked at the text.
    """
    programs: dict[str, list[str]] = {}
    rows = []
    for verdict, lost in zip(verdicts, discarded, strict=True):
        seen = programs.setdefault(verdict.task_id, [])
        answer = verdict.solution or None
        if answer is not None and answer not in seen:
            seen.append(answer)
        rows.append(
            {
                "prompt_id": verdict.task_id,
                "sequence_index": verdict.sample_id,
                "answer": answer,
                "candidate": None if answer is None else seen.index(answer),
                "correct": verdict.correct,
                "correct_upstream": verdict.correct and not lost,
                "status": verdict.status,
                "base": verdict.base,
                "plus": verdict.plus,
                "detail": verdict.detail or None,
            }
        )
    return rows
