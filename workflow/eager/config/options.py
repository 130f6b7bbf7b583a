"""Options that a command is given as JSON."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from eager.util.errors import EagerError
from eager.util.text import shorten

OptionsT = TypeVar("OptionsT", bound=BaseModel)


def read_options(model: type[OptionsT], text: str, where: str) -> OptionsT:
    """Read options.

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
        faults = ", ".join(_explain(detail) for detail in error.errors())
        known = ", ".join(model.model_fields)
        raise EagerError(f"{where}: {faults}; write a JSON object with any of {known}") from None


def _explain(detail: Any) -> str:
    key = ".".join(str(part) for part in detail["loc"])
    fault = "unknown key" if detail["type"] == "extra_forbidden" else detail["msg"]
    return f"{key}: {fault}, got {shorten(detail['input'])}" if key else str(fault)
