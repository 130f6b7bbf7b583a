"""verdicts.parquet: every sequence of a result, evaluated by the kind of its task."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa

from eager.config.experiment import PlannedTarget
from eager.data.tasks import Task, read_tasks
from eager.evaluation.answers.verdicts import VERDICTS, judge
from eager.evaluation.programs import CodeOptions, evaluate_programs
from eager.sandbox.settings import SandboxSettings
from eager.util.errors import EagerError
from eager.util.tables import read_table, write_table

COLUMNS = ["prompt_id", "sequence_index", "text", "finish_reason"]


def evaluate_target(target: PlannedTarget, sandbox: SandboxSettings, cache: Path) -> None:
    """Evaluate every sequence of a result; arguments and errors as of `evaluate`."""
    evaluate(
        target.file("sequences.parquet"),
        Path(target.tasks),
        target.file("verdicts.parquet"),
        CodeOptions.model_validate(target.program),
        sandbox,
        cache,
    )


def evaluate(
    sequences_path: Path,
    tasks_path: Path,
    output: Path,
    code: CodeOptions,
    sandbox: SandboxSettings,
    cache: Path,
) -> None:
    """Evaluate every sequence of a result.

    Args:
        sequences_path: sequences.parquet.
        tasks_path: the data set's tasks.
        output: verdicts.parquet.
        code: how texts become programs, where the tasks are programs.
        sandbox: how programs are run.
        cache: folder of programs' stored results.

    Raises:
        EagerError: a sequence belongs to no task, or programs cannot be run here.
    """
    tasks, rows = _read(sequences_path, tasks_path)
    if any(task.kind == "code" for task in tasks.values()):
        _write(output, evaluate_programs(tasks, rows, code, sandbox, cache))
    else:
        _write(output, _evaluate_answers(tasks, rows))


def _read(sequences_path: Path, tasks_path: Path) -> tuple[dict[str, Task], list[dict[str, Any]]]:
    tasks = {task.id: task for task in read_tasks(tasks_path)}
    rows = read_table(sequences_path, "sequences").select(COLUMNS).to_pylist()
    unknown = {row["prompt_id"] for row in rows} - tasks.keys()
    if unknown:
        raise EagerError(f"{sequences_path}: prompt {min(unknown)!r} is not in {tasks_path}")
    return tasks, rows


def _write(output: Path, verdicts: Iterable[dict[str, Any]]) -> None:
    write_table(output, pa.Table.from_pylist(list(verdicts), VERDICTS), "verdicts")


def _evaluate_answers(
    tasks: dict[str, Task], rows: Sequence[dict[str, Any]]
) -> Iterable[dict[str, Any]]:
    for prompt_id, sequences in groupby(rows, key=lambda row: row["prompt_id"]):
        yield from judge(tasks[prompt_id], list(sequences))
