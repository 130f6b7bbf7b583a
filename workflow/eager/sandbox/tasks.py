"""Programming tasks, submissions and verdicts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from eager.sandbox.guest import codec
from eager.util.errors import EagerError
from eager.util.files import read_json_lines

SetName = Literal["base", "plus"]
SET_NAMES: tuple[SetName, SetName] = ("base", "plus")

Status = Literal["ok", "wrong", "exception", "timeout", "memory", "output", "crashed", "no_answer"]


class CodeTask(BaseModel):
    """One task in evalplus's sense.

    `suite` says which of evalplus's rules hold: its special oracles are tied to entry points of
    HumanEval+ and MBPP+ and must not meet a task of another data set with the same entry point.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    task_id: str
    prompt: str
    entry_point: str
    base_inputs: tuple[Any, ...]
    plus_inputs: tuple[Any, ...]
    canonical_solution: str
    atol: float = 0.0
    suite: Literal["humaneval", "mbpp", "other"] = "other"

    def inputs(self, name: SetName) -> tuple[Any, ...]:
        """The base or the plus inputs, each a list or tuple of arguments."""
        return self.base_inputs if name == "base" else self.plus_inputs

    @property
    def reference(self) -> str:
        """The data set's own solution as a whole program."""
        return self.prompt + self.canonical_solution

    @cached_property
    def encoded_inputs(self) -> dict[SetName, bytes]:
        """Both sets of inputs as they cross the wall."""
        return {name: codec.encode(list(self.inputs(name))) for name in SET_NAMES}

    @cached_property
    def fingerprint(self) -> str:
        """A hash of everything in the task that a verdict depends on."""
        parts = [self.entry_point, self.reference, repr(self.atol), self.suite]
        digest = hashlib.sha256(json.dumps(parts).encode())
        for name in SET_NAMES:
            digest.update(hashlib.sha256(self.encoded_inputs[name]).digest())
        return digest.hexdigest()


class Submission(BaseModel):
    """One candidate for a task: exactly one of a program, a continuation of the prompt, a text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task_id: str
    sample_id: int | str
    solution: str | None = None
    completion: str | None = None
    text: str | None = None

    def model_post_init(self, _context: Any) -> None:
        """Refuse a submission that is ambiguous or empty-handed.

        Raises:
            EagerError: not exactly one of its three forms is given.
        """
        given = [part for part in (self.solution, self.completion, self.text) if part is not None]
        if len(given) != 1:
            raise EagerError(
                f"submission {self.sample_id} for {self.task_id}: give exactly one of solution (a "
                "whole program), completion (what follows the prompt) and text (a model's answer)"
            )


class CodeVerdict(BaseModel):
    """What came out for one submission."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task_id: str
    sample_id: int | str
    base: bool
    plus: bool
    correct: bool
    status: Status
    detail: str = ""
    base_status: Status = "no_answer"
    plus_status: Status = "no_answer"
    base_failed_test: int | None = None
    plus_failed_test: int | None = None
    solution: str = ""


def load_evalplus(path: Path) -> list[CodeTask]:
    """Read HumanEval+ or MBPP+ in evalplus's own format, .jsonl or .jsonl.gz.

    Raises:
        EagerError: the file is missing or malformed; the message names the line and the field.
    """
    tasks = []
    for number, row in read_json_lines(path):
        try:
            tasks.append(code_task(row))
        except KeyError as error:
            raise EagerError(f"{path}, line {number}: the field {error} is missing") from None
        except (TypeError, ValueError) as error:
            raise EagerError(f"{path}, line {number}: {error}") from None
    if not tasks:
        raise EagerError(f"{path}: no task in it; write one JSON object per line")
    return tasks


def code_task(row: Mapping[str, Any]) -> CodeTask:
    """A task from a row in evalplus's format.

    Raises:
        KeyError: a field is missing.
        TypeError, ValueError: a field is of another form.
    """
    task_id = str(row["task_id"])
    base_inputs, plus_inputs = row["base_input"], row["plus_input"]
    family = task_id.partition("/")[0].lower()
    if family == "mbpp":
        from eager.sandbox.evalplus_rules import mbpp_inputs

        base_inputs = mbpp_inputs(task_id, base_inputs)
        plus_inputs = mbpp_inputs(task_id, plus_inputs)
    return CodeTask(
        task_id=task_id,
        prompt=row["prompt"],
        entry_point=row["entry_point"],
        base_inputs=tuple(base_inputs),
        # evalplus's own files have an empty object where a task has no plus inputs.
        plus_inputs=tuple(plus_inputs or ()),
        canonical_solution=row["canonical_solution"],
        atol=float(row["atol"]),
        suite="humaneval" if family == "humaneval" else "mbpp" if family == "mbpp" else "other",
    )
