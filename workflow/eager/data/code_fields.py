"""Fields of a programming task in evalplus's format, checked before any program runs."""

from __future__ import annotations

import keyword
import math
from typing import Any

from eager.util.forms import RowReader, UnfitError, as_inputs, as_text, describe


def read_code_fields(reader: RowReader) -> dict[str, Any]:
    """What evaluation needs of a row besides its id and prompt; mistakes stay with the reader."""
    return {
        "entry_point": reader.read("entry_point", _entry_point, ""),
        "canonical_solution": reader.read("canonical_solution", as_text, ""),
        "base_input": reader.read("base_input", _base_inputs, []),
        "plus_input": reader.read("plus_input", _plus_inputs, []),
        "atol": reader.read("atol", _tolerance, 0.0),
    }


def _entry_point(value: Any, forms: list[str]) -> str:
    name = as_text(value, forms)
    if not name.isidentifier() or keyword.iskeyword(name):
        raise UnfitError(
            f"{name!r} is not the name of a function; write the function that is called"
        )
    return name


def _base_inputs(value: Any, forms: list[str]) -> list[Any]:
    inputs = as_inputs(value, forms)
    if not inputs:
        raise UnfitError("no inputs, so that any program would pass; write at least one")
    return inputs


def _plus_inputs(value: Any, forms: list[str]) -> Any:
    # evalplus's own files have an empty object where a task has no plus inputs.
    return value if value == {} else as_inputs(value, forms)


def _tolerance(value: Any, forms: list[str]) -> float:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise UnfitError(f"{value!r}; write a number of at least 0") from None
        forms.append("a number written as text")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnfitError(f"{describe(value)}; write a number of at least 0")
    if not math.isfinite(value) or value < 0:
        raise UnfitError(f"{value}; write a number of at least 0")
    return value
