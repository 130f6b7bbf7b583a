"""What pydantic finds wrong, in words: the key, what is wrong, what to write."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, TypeGuard, TypeVar

from pydantic import BaseModel, ValidationError

from eager.util.errors import EagerError
from eager.util.text import shorten

OptionsT = TypeVar("OptionsT", bound=BaseModel)


def faults_of(model: type[BaseModel], error: ValidationError) -> list[str]:
    """Each fault of a value that does not fit a model, as `key: what is wrong, got what is there`.

    Args:
        model: what may be written.
        error: what validating the value raised.
    """
    return [_explain(model, detail) for detail in error.errors()]


def read_options(model: type[OptionsT], text: str, where: str) -> OptionsT:
    """Options that a command is given as JSON.

    Args:
        model: what may be written.
        text: a JSON object.
        where: names the text in a message, as `--engine`.

    Raises:
        EagerError: it is not JSON, or not such an object.
    """
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        faults, known = ", ".join(faults_of(model, error)), ", ".join(model.model_fields)
        raise EagerError(f"{where}: {faults}; write a JSON object with any of {known}") from None


def closest(name: str, known: Iterable[str]) -> str:
    """A hint at the known name that is meant, or at all of them."""
    known = list(known)
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"


def is_model(annotation: Any) -> TypeGuard[type[BaseModel]]:
    """Whether a field's type is a model itself."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _explain(model: type[BaseModel], detail: Any) -> str:
    key = ".".join(map(str, detail["loc"]))
    if detail["type"] == "extra_forbidden":
        hint = closest(str(detail["loc"][-1]), _known_keys(model, detail["loc"][:-1]))
        return f"unknown key {key!r}; {hint}"
    if detail["type"] == "missing":
        field = model.model_fields.get(str(detail["loc"][-1]))
        meaning = f" ({field.description})" if field and field.description else ""
        return f"key {key!r} is missing{meaning}"
    message = detail["msg"].removeprefix("Value error, ")
    if not key:
        return str(message)
    return f"{key}: {message}, got {shorten(detail['input'])}"


def _known_keys(model: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    for part in path:
        field = model.model_fields.get(str(part))
        if field and is_model(field.annotation):
            model = field.annotation
    return list(model.model_fields)
