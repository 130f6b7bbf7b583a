"""Values of foreign rows: taken where their meaning is unambiguous, else refused with words."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from eager.util.text import JsonError, cut, fault_of_text, parse_json, shorten

T = TypeVar("T")
LARGEST_EXACT = 2**53
"""Whole floats below it are exact."""


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
        if value is None:
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


def as_text(value: Any, forms: list[str]) -> str:
    """A text that a model can read.

    Raises:
        UnfitError: no text, a blank one, or one that UTF-8 cannot hold.
    """
    value = only_element(value, forms)
    if not isinstance(value, str):
        raise UnfitError(f"{describe(value)}; write a text")
    if fault := fault_of_text(value):
        raise UnfitError(
            f"the text {shorten(value)} {fault}; write a text in UTF-8 that is not blank"
        )
    return value


def as_number_text(value: Any, forms: list[str]) -> str:
    """A text or a number, as text; whole floats lose their `.0`.

    Raises:
        UnfitError: neither, or a number that is not finite or that a float cannot hold exactly.
    """
    value = only_element(value, forms)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return as_text(value, forms)
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


def as_inputs(value: Any, forms: list[str]) -> list[Any]:
    """Inputs of a program: a list with a list of arguments for each call.

    Raises:
        UnfitError: no such list.
    """
    if isinstance(value, str):
        try:
            value = parse_json(value)
        except JsonError:
            raise UnfitError(f"the text {shorten(value)}; {INPUTS_WANTED}") from None
        if isinstance(value, list):
            forms.append("JSON text of a list of inputs")
    if not isinstance(value, list):
        raise UnfitError(f"{describe(value)}; {INPUTS_WANTED}")
    for number, arguments in enumerate(value, start=1):
        if not isinstance(arguments, list):
            raise UnfitError(f"input {number} is {describe(arguments)}; {INPUTS_WANTED}")
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (TypeError, ValueError, RecursionError):
        raise UnfitError(
            "holds a value that JSON in UTF-8 cannot hold; write numbers, texts, lists and objects"
        ) from None
    return value


INPUTS_WANTED = "write a list of inputs, each a list of arguments, such as [[1, 2], [3, 4]]"


def only_element(value: Any, forms: list[str]) -> Any:
    """The element of a list of one; anything else as it is."""
    if isinstance(value, list) and len(value) == 1:
        forms.append("a list of one element")
        return value[0]
    return value


def describe(value: Any) -> str:
    """A value of the wrong type, in words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"the truth value {str(value).lower()}"
    if isinstance(value, int | float):
        return f"the number {shorten(value)}"
    if isinstance(value, list):
        return f"a list of {len(value)} elements, {shorten(value)}" if value else "an empty list"
    if isinstance(value, dict):
        return f"an object, {shorten(value)}"
    return shorten(value)
