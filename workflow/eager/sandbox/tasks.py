"""Programming tasks, submissions and verdicts."""

from __future__ import annotations

import ast
import hashlib
import json
import keyword
import math
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from eager.sandbox.evalplus_rules import evalplus
from eager.sandbox.guest import codec
from eager.util.errors import EagerError
from eager.util.files import read_json_lines

MAX_MISTAKES = 20
MAX_SHOWN = 60

SetName = Literal["base", "plus"]
SET_NAMES: tuple[SetName, SetName] = ("base", "plus")

Suite = Literal["humaneval", "mbpp", "other"]

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
    suite: Suite = "other"

    def inputs(self, name: SetName) -> tuple[Any, ...]:
        """The base or the plus inputs, each a list or tuple of arguments."""
        return self.base_inputs if name == "base" else self.plus_inputs

    @property
    def reference(self) -> str:
        """The data set's own solution as a whole program."""
        return self.prompt + self.canonical_solution

    @cached_property
    def encoded_inputs(self) -> dict[SetName, list[bytes]]:
        """The arguments of every call of both sets, as they are sent into the container."""
        return {name: [codec.encode(list(one)) for one in self.inputs(name)] for name in SET_NAMES}

    @cached_property
    def fingerprint(self) -> str:
        """A hash of everything in the task that a verdict depends on."""
        parts = [self.entry_point, self.reference, repr(self.atol), self.suite]
        inputs = [[one.decode() for one in self.encoded_inputs[name]] for name in SET_NAMES]
        return hash_of(parts, inputs)


class Submission(BaseModel):
    """One candidate for a task: exactly one of a program, a continuation of the prompt, a text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task_id: str
    sample_id: int | str
    solution: str | None = None
    completion: str | None = None
    text: str | None = None

    def model_post_init(self, _context: Any) -> None:
        """Refuse a submission with none or several of the three forms.

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
    base: bool = False
    plus: bool = False
    correct: bool = False
    status: Status = "no_answer"
    detail: str = ""
    base_status: Status = "no_answer"
    plus_status: Status = "no_answer"
    base_failed_test: int | None = None
    plus_failed_test: int | None = None
    solution: str = ""


def hash_of(*parts: Any) -> str:
    """64 hex digits of a hash of JSON values; no two texts are the same in it."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(codec.to_bytes(text)).hexdigest()


def load_evalplus(path: Path) -> list[CodeTask]:
    """Read HumanEval+ or MBPP+ in evalplus's own format, .jsonl or .jsonl.gz.

    Raises:
        EagerError: the file is missing or malformed; the message names line and field of each
            mistake, of the first MAX_MISTAKES.
    """
    tasks: list[CodeTask] = []
    lines: dict[str, int] = {}
    mistakes: list[str] = []
    for number, row in read_json_lines(path):
        where = f"{path}, line {number}"
        try:
            task = code_task(row)
        except KeyError as error:
            mistakes.append(f"{where}: the field {error} is missing")
            continue
        except ValueError as error:
            mistakes.append(f"{where}: {error}")
            continue
        if task.task_id in lines:
            mistakes.append(
                f"{where}: the task_id {task.task_id!r} is that of line {lines[task.task_id]} too; "
                "give every task an id of its own"
            )
        lines.setdefault(task.task_id, number)
        tasks.append(task)
    if mistakes:
        more = len(mistakes) - MAX_MISTAKES
        shown = mistakes[:MAX_MISTAKES] + ([f"and {more} more"] if more > 0 else [])
        raise EagerError("\n".join(shown))
    if not tasks:
        raise EagerError(f"{path}: no task in it; write one JSON object per line")
    return tasks


def code_task(row: Mapping[str, Any]) -> CodeTask:
    """A task from a row in evalplus's format.

    Raises:
        KeyError: a field is missing.
        ValueError: a field is of another form, or there are no inputs; the message says what to
            write.
    """
    task_id = _text(row, "task_id")
    base_inputs, plus_inputs = _inputs(row, "base_input"), _inputs(row, "plus_input")
    if not base_inputs and not plus_inputs:
        raise ValueError(
            "base_input and plus_input are empty, so that every program would pass; write at least "
            "one list of arguments"
        )
    prompt, entry_point = _text(row, "prompt"), _text(row, "entry_point")
    suite = _suite(task_id, prompt, entry_point)
    if suite == "mbpp":
        try:
            base_inputs = _mbpp_inputs(task_id, prompt, entry_point, base_inputs)
            plus_inputs = _mbpp_inputs(task_id, prompt, entry_point, plus_inputs)
        except (TypeError, ValueError, IndexError, AttributeError) as error:
            raise ValueError(
                f"base_input or plus_input do not fit evalplus's {task_id} ({error}); take both "
                "from MBPP+"
            ) from None
    return CodeTask(
        task_id=task_id,
        prompt=prompt,
        entry_point=entry_point,
        base_inputs=tuple(base_inputs),
        plus_inputs=tuple(plus_inputs),
        canonical_solution=_text(row, "canonical_solution"),
        atol=_tolerance(row["atol"]),
        suite=suite,
    )


def _suite(task_id: str, prompt: str, entry_point: str) -> Suite:
    """Which of evalplus's suites a task is from: by its prompt, or by an id of evalplus's own.

    A prompt of MBPP+ is a docstring with an assert and no function. Of HumanEval+ only find_zero,
    whose prompt defines the polynomial, is compared in a way of its own.
    """
    family = task_id.partition("/")[0].lower()
    if family == "mbpp" or (_mbpp_example(prompt, entry_point) and "def " not in prompt):
        return "mbpp"
    by_prompt = entry_point == "find_zero" and "def poly(xs: list, x: float)" in prompt
    return "humaneval" if family == "humaneval" or by_prompt else "other"


def _mbpp_example(prompt: str, entry_point: str) -> list[Any]:
    """The arguments with which the assert of an MBPP+ prompt calls the function; [] without one."""
    for line in prompt.splitlines():
        if not line.startswith("assert "):
            continue
        try:
            for node in ast.walk(ast.parse(line)):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == entry_point:
                    return [ast.literal_eval(argument) for argument in node.args]
        except (SyntaxError, ValueError):
            continue
    return []


def _mbpp_inputs(task_id: str, prompt: str, entry_point: str, inputs: list[Any]) -> list[Any]:
    """Inputs with the types that JSON lost: as evalplus does it by number, or as in the prompt."""
    if re.fullmatch(r"(?i)mbpp/\d+", task_id):
        typed: list[Any] = evalplus("data.mbpp").mbpp_deserialize_inputs(task_id, inputs)
        return typed
    example = _mbpp_example(prompt, entry_point)
    return [
        [*map(_typed_as, example, arguments), *arguments[len(example) :]] for arguments in inputs
    ]


def _typed_as(example: Any, value: Any) -> Any:
    """A JSON value with the types of an example: tuples, sets, complex numbers."""
    if isinstance(example, (list, tuple, set)) and isinstance(value, list):
        # As place by place, or all as the first where there are more or fewer places.
        parts = list(example)
        if len(parts) != len(value):
            parts = parts[:1] * len(value)
        typed = map(_typed_as, parts, value) if parts else value
        return type(example)(typed)
    if isinstance(example, dict) and isinstance(value, dict) and example:
        part = next(iter(example.values()))
        return {key: _typed_as(part, one) for key, one in value.items()}
    return complex(value) if isinstance(example, complex) else value


def _text(row: Mapping[str, Any], field: str) -> str:
    value = row[field]
    if not isinstance(value, str):
        raise ValueError(f"{field} is {_shown(value)}; write a string")  # noqa: TRY004
    if field == "task_id" and not value.strip():
        raise ValueError("task_id is empty; write an id of its own, such as HumanEval/0")
    if field == "entry_point" and (not value.isidentifier() or keyword.iskeyword(value)):
        raise ValueError(f"entry_point is {_shown(value)}; write a function's name")
    return value


def _inputs(row: Mapping[str, Any], field: str) -> list[Any]:
    """One list of arguments per test.

    Anything else that can be iterated would be taken apart: text into characters, an object into
    its keys.
    """
    value = row[field]
    # evalplus's own files have an empty object where a task has no plus inputs.
    if field == "plus_input" and (value is None or value == {}):
        return []
    if isinstance(value, str):
        raise ValueError(  # noqa: TRY004
            f"{field} is text ({_shown(value)}); write the list itself, not its JSON in quotes"
        )
    if not isinstance(value, list):
        raise ValueError(f"{field} is {_shown(value)}; write a list of lists of arguments")  # noqa: TRY004
    for index, arguments in enumerate(value):
        if not isinstance(arguments, list | tuple):
            raise ValueError(  # noqa: TRY004
                f"{field}, test {index} is {_shown(arguments)}; write the list of its arguments, "
                f"[{_shown(arguments)}] for a single one"
            )
    return value


def _tolerance(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value < math.inf:
        raise ValueError(f"atol is {_shown(value)}; write 0 or a small number, such as 1e-6")
    return float(value)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "..."
