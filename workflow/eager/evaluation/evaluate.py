"""verdicts.parquet: every sequence of a result, evaluated by the kind of its task."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import pyarrow as pa

from eager.config.experiment import Target
from eager.data.prompts import end_of_thinking
from eager.data.tasks import read_tasks
from eager.evaluation.answers.verdicts import VERDICTS, judge
from eager.evaluation.programs import CodeOptions, evaluate_programs, references_that_fail
from eager.evaluation.warnings import warnings_of
from eager.sandbox.settings import SandboxSettings
from eager.util.errors import EagerError
from eager.util.tables import read_table, write_table

COLUMNS = ["prompt_id", "sequence_index", "text", "finish_reason"]


def evaluate(target: Target, code: CodeOptions, sandbox: SandboxSettings, cache: Path) -> list[str]:
    """Write verdicts.parquet, with every sequence of a result evaluated.

    Args:
        target: the result.
        code: how texts become programs, where the tasks are programs.
        sandbox: how programs are run.
        cache: folder of programs' stored results.

    Returns:
        What is likely to be wrong with the result as a whole.

    Raises:
        EagerError: a sequence belongs to no task, or programs cannot be run here.
    """
    path = target.file("sequences.parquet")
    tasks = {task.id: task for task in read_tasks(Path(target.tasks))}
    rows = read_table(path, "sequences").select(COLUMNS).to_pylist()
    if unknown := {row["prompt_id"] for row in rows} - tasks.keys():
        raise EagerError(f"{path}: prompt {min(unknown)!r} is not in {target.tasks}")
    if any(task.kind == "code" for task in tasks.values()):
        verdicts = evaluate_programs(tasks, rows, code, sandbox, cache)
    else:
        groups = groupby(rows, key=lambda row: row["prompt_id"])
        verdicts = [one for name, group in groups for one in judge(tasks[name], list(group))]
    table = pa.Table.from_pylist(verdicts, VERDICTS)
    write_table(target.file("verdicts.parquet"), table, "verdicts")
    texts, answered = [row["text"] for row in rows], sum(bool(one["answer"]) for one in verdicts)
    told = warnings_of(texts, answered, end_of_thinking(Path(target.prompts)))
    return told + references_that_fail(verdicts)
