"""evalplus's files: samples in, results out."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from eager.sandbox.evalplus_rules import evalplus
from eager.sandbox.tasks import CodeTask, CodeVerdict, SetName, Status, Submission
from eager.util.errors import EagerError
from eager.util.files import read_json_lines
from eager.util.text import half_character

PASS_AT = (1, 10, 100)


def read_samples(path: Path, tasks: Sequence[CodeTask]) -> list[Submission]:
    """Read samples in either of evalplus's forms.

    A file has per line a task_id and a solution or a completion; a folder has a folder per task
    with a whole program per file: `HumanEval_53/0.py`.

    Raises:
        EagerError: a file or a line is malformed, or a task is not in the data set; the message
            names file and line.
    """
    known = [task.task_id for task in tasks]  # what stands as task_id may be a list or an object
    counts: Counter[str] = Counter()
    submissions = []
    for where, task_id, content in _folder_rows(path, known) if path.is_dir() else _rows(path):
        if task_id not in known:
            raise EagerError(f"{where}: the data set has no task {task_id!r}; correct task_id")
        submissions.append(Submission(task_id=task_id, sample_id=counts[task_id], **content))
        counts[task_id] += 1
    if not submissions:
        form = (
            "write each program as a file such as HumanEval_53/0.py"
            if path.is_dir()
            else "write one JSON object per line"
        )
        raise EagerError(f"{path}: no sample in it; {form}")
    return submissions


Row = tuple[str, Any, dict[str, str]]
"""Where a sample stands, its task's id, and its program or completion."""


def _rows(path: Path) -> Iterator[Row]:
    for number, row in read_json_lines(path):
        where = f"{path}, line {number}"
        # As in evalplus, a whole program wins over a continuation; null is as good as absent.
        field = next((one for one in ("solution", "completion") if row.get(one) is not None), None)
        if field is None:
            raise EagerError(f"{where}: neither solution nor completion; write one of them")
        if not isinstance(row[field], str):
            raise EagerError(
                f"{where}: {field} is not a string; for several {field}s repeat the line"
            )
        if fault := half_character(row[field]):
            raise EagerError(f"{where}: {field} {fault}; write the whole character")
        yield where, row.get("task_id"), {field: row[field]}


def _folder_rows(path: Path, known: Iterable[str]) -> Iterator[Row]:
    # A task's id as the name of a folder has no slash.
    by_folder = {task_id.replace("/", "_"): task_id for task_id in known}
    for folder in sorted(filter(Path.is_dir, path.iterdir()), key=_natural):
        if folder.name.startswith("."):
            continue
        for file in sorted(folder.glob("*.py"), key=_natural):
            try:
                program = file.read_text(encoding="utf-8-sig")
            except (OSError, UnicodeDecodeError) as error:
                raise EagerError(f"{file}: cannot be read as UTF-8 text: {error}") from None
            task_id = by_folder.get(folder.name, folder.name.replace("_", "/"))
            yield str(file), task_id, {"solution": program}


def _natural(path: Path) -> list[tuple[int, str]]:
    """Order of names with numbers in them: 2.py before 10.py."""
    return [(int(part) if part.isdigit() else -1, part) for part in re.split(r"(\d+)", path.name)]


def _evalplus_status(passed: bool, status: Status) -> str:
    if passed:
        return "pass"
    return "timeout" if status == "timeout" else "fail"


def _failed_inputs(task: CodeTask, name: SetName, test: int | None) -> list[Any]:
    inputs = task.inputs(name)
    if test is None or test >= len(inputs):
        return []
    failed = [inputs[test]]
    if task.suite == "mbpp":
        failed = evalplus("data.mbpp").mbpp_serialize_inputs(task.task_id, failed)
    return failed


def results(
    dataset: Path, tasks: Sequence[CodeTask], verdicts: Sequence[CodeVerdict]
) -> dict[str, Any]:
    """Verdicts in the form of evalplus's result file, with our status and detail added."""
    by_id = {task.task_id: task for task in tasks}
    evaluation: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for verdict in verdicts:
        task = by_id[verdict.task_id]
        evaluation[verdict.task_id].append(
            {
                "task_id": verdict.task_id,
                "solution": verdict.solution,
                "base_status": _evalplus_status(verdict.base, verdict.base_status),
                "plus_status": _evalplus_status(verdict.plus, verdict.plus_status),
                "base_fail_tests": _failed_inputs(task, "base", verdict.base_failed_test),
                "plus_fail_tests": _failed_inputs(task, "plus", verdict.plus_failed_test),
                "status": verdict.status,
                "detail": verdict.detail,
            }
        )
    return {
        "date": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M"),
        "hash": hashlib.md5(dataset.read_bytes()).hexdigest(),
        "eval": dict(evaluation),
    }


def scores(verdicts: Sequence[CodeVerdict]) -> dict[str, float]:
    """pass@k over the tasks that have samples, of the base tests and of all tests."""
    totals: Counter[str] = Counter()
    base: Counter[str] = Counter()
    both: Counter[str] = Counter()
    for verdict in verdicts:
        totals[verdict.task_id] += 1
        base[verdict.task_id] += verdict.base
        both[verdict.task_id] += verdict.correct
    numbers = list(totals.values())
    table = {}
    for title, right in (("base", base), ("base and plus", both)):
        for k in PASS_AT:
            if min(numbers) >= k:
                counts = [right[task_id] for task_id in totals]
                estimates = evalplus("eval").estimate_pass_at_k(numbers, counts, k)
                table[f"{title}, pass@{k}"] = float(estimates.mean())
    return table
