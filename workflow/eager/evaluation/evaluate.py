"""verdicts.parquet: every sequence of a result, evaluated by the kind of its task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa

from eager.config.experiment import Target
from eager.data.prompts import end_of_thinking
from eager.data.tasks import read_tasks
from eager.evaluation.answers.verdicts import VERDICTS, judge
from eager.evaluation.programs import CodeOptions, evaluate_programs
from eager.sandbox.checker import REFERENCE_FAILS
from eager.sandbox.settings import SandboxSettings
from eager.util.errors import EagerError
from eager.util.tables import read_table, write_table

LEAST_ANSWERED = 0.5
"""Share of sequences with an answer below which a result is warned of."""
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


def warnings_of(texts: Sequence[str], answered: int, marker: str) -> list[str]:
    """What is likely to be wrong with a whole result, whatever its verdicts are.

    Args:
        texts: of all sequences.
        answered: how many of them hold an answer.
        marker: the model's end of thinking; empty: none.
    """
    if not texts:
        return []
    if not any(map(str.strip, texts)):
        return ["every text is empty; look at the prompts and at the model's ends of sequence"]
    if marker and not any(marker in text for text in texts):
        line = f"no sequence holds the end of thinking {marker!r}, so no program counts and every "
        line += "token may branch; raise max_tokens, or set the model's end_of_thinking to what it "
        return [line + "writes (null: it does not think)"]
    if answered < LEAST_ANSWERED * len(texts):
        line = f"{len(texts) - answered:,} of {len(texts):,} sequences hold no answer; say in the "
        line += "data set's prompt_template how to answer (math and choice: in \\boxed{}), or "
        return [line + "raise max_tokens"]
    return []


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
