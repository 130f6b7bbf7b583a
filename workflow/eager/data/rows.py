"""Rows of data sets as tasks: each value is what its field wants, or said to be wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from eager.config.schema import DatasetEntry
from eager.config.settings import StrictModel
from eager.data.code_fields import read_code_fields
from eager.util.forms import RowReader, UnfitError, as_number_text, as_text, describe, only_element
from eager.util.text import JsonError, parse_json, shorten

LETTER = re.compile(r"[A-Za-z]")
WRAPPED_LETTER = re.compile(r"(?:\\boxed\{|\\text\{|\\textbf\{|[\s(\[{*$])*([A-Za-z])[\s)\]}*$.:]*")
LETTER_WANTED = 'write the letter of the right choice, such as "C"'
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


def read_row(entry: DatasetEntry, number: int, row: Mapping[str, Any]) -> tuple[Task, RowReader]:
    """The task of a row. It is of use only if the reader has no mistakes.

    Args:
        entry: names of the fields, and the kind.
        number: of the row, from 1; the id where no field has it.
        row: the row.
    """
    reader = RowReader(row)
    task_id = str(number)
    if entry.id_field:
        task_id = reader.read(entry.id_field, as_number_text, task_id, HINT)
    problem = reader.read(entry.prompt_field, as_problem, "", HINT)
    if entry.kind == "code":
        code = read_code_fields(reader)
        return Task(id=task_id, problem=problem, target="", kind="code", code=code), reader
    as_target = as_letter if entry.kind == "choice" else as_answer
    target = reader.read(entry.target_field, as_target, "", HINT)
    return Task(id=task_id, problem=problem, target=target, kind=entry.kind), reader


def as_problem(value: Any, forms: list[str]) -> str:
    """The text of a problem; of a chat, that of its only turn.

    Raises:
        UnfitError: no text, or a chat with more than one turn of the user.
    """
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
        if isinstance(value, list) and len(value) == 1 and _is_text_part(value[0]):
            value = value[0]["text"]
        return _not_missing(as_text(value, []), "the problem")
    return _not_missing(as_text(value, forms), "the problem")


def as_answer(value: Any, forms: list[str]) -> str:
    r"""The right answer of a mathematical problem; of `\boxed{..}` and `.. #### 4` the answer.

    Raises:
        UnfitError: no text or number, or one that stands for a missing value.
    """
    text = _not_missing(as_number_text(value, forms).strip(), "the right answer")
    if "####" in text:
        text = text.rpartition("####")[2].strip()
        forms.append("the answer after ####")
    elif (content := _content_of_box(text)) is not None:
        text = content
        forms.append(r"the answer in \boxed{}")
    if not text:
        raise UnfitError("the answer is empty; write the right answer")
    return text


def as_letter(value: Any, forms: list[str]) -> str:
    """The letter of the right choice, as a capital.

    Raises:
        UnfitError: anything but one letter and what may surround it.
    """
    value = only_element(value, forms)
    if not isinstance(value, str):
        which = "; a number does not say whether choices count from 0 or 1" * _is_number(value)
        raise UnfitError(f"{describe(value)}{which}; {LETTER_WANTED}")
    text = value.strip()
    match = WRAPPED_LETTER.fullmatch(text)
    if match is None:
        raise UnfitError(f"the text {shorten(text)} is not a letter; {LETTER_WANTED}")
    if not LETTER.fullmatch(text):
        forms.append("a letter with signs around it")
    elif text.islower():
        forms.append("a small letter")
    return match[1].upper()


def _not_missing(text: str, wanted: str) -> str:
    if text.strip().lower() in MISSING_VALUES:
        raise UnfitError(f"{text!r}, which stands for a missing value; write {wanted}")
    return text


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and {"role", "content"} <= value.keys()


def _is_text_part(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") == "text" and "text" in value


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
