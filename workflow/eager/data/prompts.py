"""Prompts as token ids: what decoding reads."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from eager.config.settings import StrictModel
from eager.util.errors import EagerError
from eager.util.tables import read_table

TEMPLATE_DATE = "template_date"
"""Key of the file's metadata: the day that stands in the prompts, if the template asks for one."""


class Vocabulary(StrictModel):
    """What decoding must know of a model's tokens.

    Attributes:
        end_of_sequence: ids of the model's tokens that end a sequence.
        context_length: tokens of prompt plus answer.
        stop: texts of the data set that end a sequence.
        end_of_thinking: the marker; empty: the model has none.
    """

    end_of_sequence: tuple[int, ...]
    context_length: int
    stop: tuple[str, ...] = ()
    end_of_thinking: str = ""


class Prompt(StrictModel):
    """One prompt as token ids."""

    id: str
    token_ids: tuple[int, ...]


def read_prompts(path: Path) -> tuple[list[Prompt], Vocabulary]:
    """Read what `encode_prompts` wrote.

    Raises:
        EagerError: it is of another version.
    """
    table = read_table(path, "prompts")
    try:
        vocabulary = Vocabulary.model_validate_json(table.schema.metadata[b"vocabulary"])
    except ValidationError:
        raise EagerError(f"{path}: of another version; delete it and rerun") from None
    prompts = [Prompt(id=row["prompt_id"], token_ids=row["token_ids"]) for row in table.to_pylist()]
    return prompts, vocabulary


def end_of_thinking(path: Path) -> str:
    """The marker that prompts were encoded with; empty: none, or they are another program's."""
    found = read_table(path, "prompts").schema.metadata.get(b"vocabulary")
    return "" if found is None else Vocabulary.model_validate_json(found).end_of_thinking


def template_date(path: Path) -> str | None:
    """The day that stands in prompts, as YYYY-MM-DD; None: their template asks for none."""
    found = read_table(path, "prompts").schema.metadata.get(TEMPLATE_DATE.encode())
    return None if found is None else found.decode()
