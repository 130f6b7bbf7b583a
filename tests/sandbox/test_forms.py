"""References pass in every form that models write programs in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from eager.config.schema import DatasetEntry
from eager.data.tasks import Task, fetch_tasks, read_tasks
from eager.evaluation.programs import CodeOptions, evaluate_programs
from eager.sandbox.engines.containers import SandboxEngine
from eager.sandbox.settings import SandboxSettings
from tests.support.sandbox import MINICODE, shared_data


def whole(task: Task) -> str:
    assert task.code is not None
    return task.problem + task.code["canonical_solution"]


def on_one_line(task: Task) -> str:
    """The body behind its colon where the task is one such function, else as it is."""
    assert task.code is not None
    body = task.code["canonical_solution"].strip()
    begins = ("def ", "import ", "from ")
    heads = [line for line in task.problem.splitlines() if line.startswith(begins)]
    alone = len(heads) == 1 and heads[0].startswith("def ") and "\n" not in body
    return f"{heads[0]} {body}" if alone else whole(task)


FORMS: Mapping[str, Callable[[Task], str]] = {
    "bare": lambda task: whole(task).rstrip(),
    "fenced": lambda task: f"Sure:\n```python\n{whole(task)}```",
    "open fence": lambda task: f"```python\n{whole(task).rstrip()}",
    "one line": on_one_line,
    "continuation": lambda task: (task.code or {})["canonical_solution"].rstrip(),
}


def wrong(path: Path, folder: Path) -> list[str]:
    """The tasks and forms of which no verdict is right."""
    entry = DatasetEntry(kind="code", path=str(path), id_field="task_id", prompt_field="prompt")
    fetch_tasks("code", entry, folder / "tasks.jsonl", folder / "manifest.json")
    tasks = {task.id: task for task in read_tasks(folder / "tasks.jsonl")}
    failed = []
    for continues in (False, True):
        forms = [form for form in FORMS if (form == "continuation") is continues]
        rows = [
            {"prompt_id": name, "sequence_index": index, "text": FORMS[form](task)}
            for name, task in tasks.items()
            for index, form in enumerate(forms)
        ]
        options = CodeOptions(continues_prompt=continues)
        settings = SandboxSettings(engine="bubblewrap")
        verdicts = evaluate_programs(tasks, rows, options, settings, folder / "cache")
        failed += [
            f"{v['prompt_id']} {forms[v['sequence_index']]}: {v['detail']}"
            for v in verdicts
            if not v["correct"]
        ]
    return failed


def test_the_demos_references_pass_in_every_form(tmp_path: Path, bubblewrap: SandboxEngine) -> None:
    assert wrong(MINICODE, tmp_path) == []


@pytest.mark.long
def test_references_of_humaneval_pass_in_every_form(
    tmp_path: Path, bubblewrap: SandboxEngine
) -> None:
    assert wrong(shared_data() / "HumanEvalPlus.jsonl.gz", tmp_path) == []
