"""Prompts as token ids: what decoding reads."""

from __future__ import annotations

from pathlib import Path

from eager.config.settings import StrictModel
from eager.util.tables import read_table

TEMPLATE_DATE = "template_date"
"""Key of the file's metadata: the day that stands in the prompts, if the template asks for one."""


class Vocabulary(StrictModel):
    """What decoding must know of a model's tokens.

    Attributes:
        end_of_sequence: ids that end a sequence (the model's own and the data set's stops).
        end_of_thinking: ids of the marker; empty: the model has none.
        context_length: tokens of prompt plus answer.
    """

    end_of_sequence: tuple[int, ...]
    end_of_thinking: tuple[int, ...]
    context_length: int


class Prompt(StrictModel):
    """One prompt as token ids."""

    id: str
    token_ids: tuple[int, ...]


def read_prompts(path: Path) -> tuple[list[Prompt], Vocabulary]:
    """Read what `encode_prompts` wrote."""
    table = read_table(path, "prompts")
    vocabulary = Vocabulary.model_validate_json(table.schema.metadata[b"vocabulary"])
    prompts = [Prompt(id=row["prompt_id"], token_ids=row["token_ids"]) for row in table.to_pylist()]
    return prompts, vocabulary


def template_date(path: Path) -> str | None:
    """The day that stands in prompts, as YYYY-MM-DD; None: their template asks for none."""
    found = read_table(path, "prompts").schema.metadata.get(TEMPLATE_DATE.encode())
    return None if found is None else found.decode()
