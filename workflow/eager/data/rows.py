"""Rows of data sets as tasks: foreign values are taken where their meaning is unambiguous.

Each conversion is counted; anything else is a mistake that says what is there and what to write.
"""

from __future__ import annotations

import ast
import json
import math
import re
import string
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar
from warnings import catch_warnings, simplefilter

from eager.config.schema import DatasetEntry
from eager.config.settings import StrictModel
from eager.data.escapes import eaten
from eager.sandbox.tasks import code_task
from eager.util.text import JsonError, cut, fault_of_text, parse_json, shorten

T = TypeVar("T")
LARGEST_EXACT = 2**53
"""Whole floats below it are exact."""
CHOICES = ("choices", "options")
"""Columns that hold the choices of a problem, a list, or an object with a list `text`."""
LETTER = re.compile(r"[A-Za-z]")
WRAPPED_LETTER = re.compile(r"(?:\\boxed\{|\\text\{|\\textbf\{|[\s(\[{*$])*([A-Za-z])[\s)\]}*$.:]*")
LETTER_WANTED = 'write the letter of the right choice, such as "C"'
PRINTED_TEXTS = re.compile(r"""[\[({]\s*['"].*[\])}]""", re.DOTALL)
"""A list, tuple, set or dictionary that begins with a text, as Python prints it."""
PRINTED = re.compile(
    r"\W*(?:(?:np|numpy)\.\w+|array|tensor|Decimal|Fraction|frozenset|set)\(.*\)\W*"
    r"|\([^(),]*,\s*\)|\[\s*-?\d+\.\s*\]",
    re.DOTALL,
)
"""A number of another type, a tuple of one, an array of a whole float, as Python prints them."""
HINT = "; set id_field, prompt_field or target_field to one of them"
MISSING_VALUES = frozenset({"nan", "null", "<na>", "nat"})
"""What other programs print where there is no value."""


class Task(StrictModel):
    """One problem and what counts as right.

    Attributes:
        id: unique in the data set.
        problem: text of the problem, before any template.
        target: the right answer; empty for code.
        kind: math, choice or code.
        code: for code, the row's `entry_point`, `canonical_solution`, `base_input`, `plus_input`
            and `atol`, as in evalplus's format.
    """

    id: str
    problem: str
    target: str
    kind: str
    code: dict[str, Any] | None = None


class UnfitError(ValueError):
    """A value that is not what its field wants; says what is there and what to write."""


@dataclass
class RowReader:
    """Reads the fields of one row; collects every mistake and every foreign form that was taken.

    Attributes:
        row: the row.
        mistakes: `field: what is there; what to write`.
        forms: `field: form`, one for each value that was converted.
    """

    row: Mapping[str, Any]
    mistakes: list[str] = field(default_factory=list)
    forms: list[str] = field(default_factory=list)

    def read(
        self, key: str, convert: Callable[[Any, list[str]], T], default: T, hint: str = ""
    ) -> T:
        """The converted value of a field; the default, and a mistake, where it does not fit.

        Args:
            key: the field.
            convert: takes the value and a list for foreign forms; raises `UnfitError`.
            default: what stands for a value that is not there.
            hint: what to do where the field is missing.
        """
        value = self.row.get(key)
        if value is None and not (key in self.row and key == "plus_input"):
            there = "is null" if key in self.row else "is missing"
            known = cut(", ".join(map(str, self.row)) or "none", 200)
            self.mistakes.append(f"{key}: {there}; the fields are {known}{hint}")
            return default
        forms: list[str] = []
        try:
            converted = convert(value, forms)
        except UnfitError as error:
            self.mistakes.append(f"{key}: {error}")
            return default
        self.forms += [f"{key}: {form}" for form in forms]
        return converted


def read_row(entry: DatasetEntry, number: int, row: Mapping[str, Any]) -> tuple[Task, RowReader]:
    """The task of a row. It is of use only if the reader has no mistakes.

    Args:
        entry: names of the fields, and the kind.
        number: of the row, from 1; the id where no field has it.
        row: the row.
    """
    reader = RowReader(row)
    task_id, target, code = str(number), "", None
    if entry.id_field:
        task_id = reader.read(entry.id_field, _as_number_text, task_id, HINT)
    problem = reader.read(entry.prompt_field, _as_problem, "", HINT)
    if entry.kind == "code":
        code = {name: reader.read(name, convert, None) for name, convert in CODE_FIELDS.items()}
        if not reader.mistakes:
            try:
                code_task({"task_id": task_id, "prompt": problem, **code})
            except ValueError as error:
                reader.mistakes.append(str(error))
            name, texts = code["entry_point"], f"{problem} {code['canonical_solution']}"
            if not re.search(rf"\b{re.escape(name)}\b", texts):
                reader.mistakes.append(
                    f"entry_point: {name!r} is neither in the prompt nor in canonical_solution; "
                    "write the name of the function that they define"
                )
    else:
        as_target = _as_letter if entry.kind == "choice" else _as_answer
        target = reader.read(entry.target_field, as_target, "", HINT)
    if entry.kind == "choice":
        problem = _with_choices(problem, target, entry.target_field, reader)
    return Task(id=task_id, problem=problem, target=target, kind=entry.kind, code=code), reader


def _with_choices(problem: str, target: str, field: str, reader: RowReader) -> str:
    """A problem with the choices of its row, where it does not hold them itself.

    The target, in its field, has to be the letter of one of them.
    """
    for name in CHOICES:
        found = reader.row.get(name)
        choices = found.get("text") if isinstance(found, Mapping) else found
        if not isinstance(choices, list | tuple) or len(choices) < 2:
            continue
        named = list(zip(string.ascii_uppercase, map(str, choices), strict=False))
        if target and target not in dict(named):
            last = named[-1][0]
            reader.mistakes.append(f"{field}: {target} is none of the {name}, A to {last}")
        if all(re.search(rf"\b{a}\b\W{{0,4}}{re.escape(text)}", problem) for a, text in named):
            return problem
        reader.forms.append(f"{name}: added to the problem")
        return "\n".join([problem, *(f"{a}. {text}" for a, text in named)])
    return problem


def _as_problem(value: Any, forms: list[str]) -> str:
    """The text of a problem; of a chat, that of its only turn."""
    if isinstance(value, str) and value.lstrip().startswith("[{"):
        value = _chat_in_text(value)
    if isinstance(value, list) and value and all(_is_message(message) for message in value):
        if len(value) != 1 or value[0]["role"] != "user":
            roles = ", ".join(str(message["role"]) for message in value)
            raise UnfitError(
                f"a chat with the turns {shorten(roles)}; write the text of one turn of the user"
            )
        forms.append("a chat of one turn of the user")
        value = value[0]["content"]
        match value:
            case [{"type": "text", "text": text}]:
                value = text
        forms = []
    text = _as_text(value, forms)
    _refuse_eaten(text, target=False)
    return _not_missing(text, "the problem")


def _as_answer(value: Any, forms: list[str]) -> str:
    r"""The right answer of a mathematical problem; of `\boxed{..}` and `.. #### 4` the answer."""
    text = _as_number_text(value, forms)
    _refuse_eaten(text, target="####" not in text)
    text = _not_missing(text.strip(), "the right answer")
    if "####" in text:
        text = text.rpartition("####")[2].strip()
        forms.append("the answer after ####")
    elif (content := _content_of_box(text)) is not None:
        text = content
        forms.append(r"the answer in \boxed{}")
    if not text:
        raise UnfitError("the answer is empty; write the right answer")
    if PRINTED.fullmatch(text):
        raise UnfitError(f"{shorten(text)}, as Python prints a value; write the answer alone")
    return text


def _as_letter(value: Any, forms: list[str]) -> str:
    """The letter of the right choice, as a capital."""
    value = _only_element(value, forms)
    if not isinstance(value, str):
        which = "; a number does not say whether choices count from 0 or 1" * _is_number(value)
        raise UnfitError(f"{_describe(value)}{which}; {LETTER_WANTED}")
    _refuse_eaten(value, target=True)
    text = value.strip()
    match = WRAPPED_LETTER.fullmatch(text)
    if match is None:
        raise UnfitError(f"the text {shorten(text)} is not a letter; {LETTER_WANTED}")
    if not LETTER.fullmatch(text):
        forms.append("a letter with signs around it")
    elif text.islower():
        forms.append("a small letter")
    return match[1].upper()


def _refuse_eaten(text: str, target: bool) -> None:
    """Stop at a backslash that JSON has eaten, before white space is cut off."""
    if fault := eaten(text, target):
        raise UnfitError(f"the text {shorten(text)} {fault}")


def _not_missing(text: str, wanted: str) -> str:
    if text.strip().lower() in MISSING_VALUES:
        raise UnfitError(f"{text!r}, which stands for a missing value; write {wanted}")
    return text


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and {"role", "content"} <= value.keys()


def _chat_in_text(text: str) -> Any:
    """A chat that was printed as JSON; any other text as it is."""
    try:
        value = parse_json(text)
    except JsonError:
        return text
    return value if all(_is_message(message) for message in value) else text


def _content_of_box(text: str) -> str | None:
    r"""What is inside of a `\boxed{..}` that is the whole text; None if it is not."""
    bare = text.strip("$").strip()
    if not bare.startswith("\\boxed{") or not bare.endswith("}"):
        return None
    depth = 0
    inside = bare[len("\\boxed") :]
    for place, character in enumerate(inside):
        depth += (character == "{") - (character == "}")
        if depth == 0:
            return inside[1:-1].strip() if place == len(inside) - 1 else None
    return None


def _as_text(value: Any, forms: list[str]) -> str:
    """A text that a model can read."""
    value = _only_element(value, forms)
    if not isinstance(value, str):
        raise UnfitError(f"{_describe(value)}; write a text")
    if fault := fault_of_text(value):
        raise UnfitError(
            f"the text {shorten(value)} {fault}; write a text in UTF-8 that is not blank"
        )
    return value


def _as_number_text(value: Any, forms: list[str]) -> str:
    """A text or a number, as text; whole floats lose their `.0`."""
    value = _only_element(value, forms)
    if not _is_number(value):
        return _as_text(value, forms)
    if isinstance(value, int):
        try:
            return str(value)
        except ValueError:  # more digits than Python converts
            raise UnfitError("a number of thousands of digits; write it as text") from None
    text = repr(value)
    if not math.isfinite(value) or "e" in text or abs(value) >= LARGEST_EXACT:
        raise UnfitError(f"the number {text}; write a number with all its digits, or a text")
    if value.is_integer():
        forms.append("a whole number written as a float")
        return str(int(value))
    return text


def _as_inputs(value: Any, forms: list[str]) -> Any:
    """Inputs of a program, also from their JSON as text; `code_task` says whether they fit."""
    if isinstance(value, str):
        with suppress(JsonError):
            value = parse_json(value)
            forms.append("JSON text of a list of inputs")
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (TypeError, ValueError, RecursionError):
        raise UnfitError(
            "holds a value that JSON in UTF-8 cannot hold; write numbers, texts, lists and objects"
        ) from None
    return value


def _as_number(value: Any, forms: list[str]) -> Any:
    """A number, also one written as text; `code_task` says whether it fits."""
    if isinstance(value, str):
        with suppress(ValueError):
            value = float(value)
            forms.append("a number written as text")
    return value


def _only_element(value: Any, forms: list[str]) -> Any:
    """The element of a list of one, also of one that was printed; anything else as it is."""
    if isinstance(value, str) and PRINTED_TEXTS.fullmatch(value.strip()):
        with suppress(ValueError, SyntaxError, MemoryError, RecursionError), catch_warnings():
            simplefilter("ignore")  # of \s and the like
            printed = ast.literal_eval(value.strip())
            value = list(printed) if isinstance(printed, list | tuple | set) else [printed]
    if isinstance(value, list) and len(value) == 1:
        forms.append("a list of one element")
        return value[0]
    return value


CODE_FIELDS: Mapping[str, Callable[[Any, list[str]], Any]] = {
    "entry_point": _as_text,
    "canonical_solution": _as_text,
    "base_input": _as_inputs,
    "plus_input": _as_inputs,
    "atol": _as_number,
}
"""What evaluation needs of a programming task besides its id and prompt."""


def _describe(value: Any) -> str:
    """A value of the wrong type, in words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"the truth value {str(value).lower()}"
    if isinstance(value, list):
        return f"a list of {len(value)} elements, {shorten(value)}"
    kind = "the number " if _is_number(value) else "an object, " if isinstance(value, dict) else ""
    return kind + shorten(value)
