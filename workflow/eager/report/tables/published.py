"""The file of published figures, checked, and ours beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator

from eager.config.settings import KnownMethod, StrictModel
from eager.evaluation.measure import INTERVALS, interval_of
from eager.report.tables.comparison import with_bounds
from eager.report.tables.pairing import Pooled
from eager.util.errors import EagerError
from eager.util.textrows import read_rows
from eager.util.validation import faults_of

FIGURES = {
    "pass_at_k": "pass_at_k",
    "pass_at_k_upstream": "pass_at_k",
    "tokens_per_prompt": "tokens_per_prompt",
    "tokens_upstream_per_prompt": "tokens_per_prompt",
}
"""Our figures and the published one each is put beside: ours by our rules and by the authors'."""


class PublishedFigures(StrictModel):
    """One row of the file of published figures; what is not published is left empty."""

    model: str = Field(description="a key of the models file")
    dataset: str = Field(description="a key of the datasets file")
    method: KnownMethod = Field(description="method")
    max_sequences: int = Field(ge=1, description="M")
    pass_at_k: float | None = Field(ge=0, le=1, description="share of prompts solved")
    tokens_per_prompt: float | None = Field(gt=0, description="tokens per prompt, authors' count")
    source: str = Field(min_length=1, description="where the figures stand")

    @field_validator("pass_at_k", "tokens_per_prompt", mode="before")
    @classmethod
    def _empty_is_none(cls, value: Any) -> Any:
        return None if value == "" else value

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What the figures belong to."""
        return self.model, self.dataset, self.method, self.max_sequences


def read_published(path: Path) -> list[PublishedFigures]:
    """Read a CSV file of published figures.

    Raises:
        EagerError: it is missing, has other columns, a value is not possible, or a row is there
            twice.
    """
    if not path.exists():
        raise EagerError(f"{path}: no such file; `published` names the CSV file")
    table = read_rows(path, ",", list(PublishedFigures.model_fields))
    mistakes: list[tuple[int, str]] = []
    facts: dict[tuple[str, str, str, int], PublishedFigures] = {}
    for line, row in table.rows:
        where = f"{path}, line {line}"
        try:
            fact = PublishedFigures.model_validate(row)
        except ValidationError as error:
            faults = faults_of(PublishedFigures, error)
            mistakes += [(line, f"{where}, {fault}") for fault in faults]
            continue
        if fact.key in facts:
            mistakes.append((line, f"{where}: {fact.key} is there already; remove one row"))
        facts.setdefault(fact.key, fact)
    if told := table.all_mistakes(mistakes):
        raise EagerError("\n".join(told))
    return list(facts.values())


def compare_with_published(
    results: Sequence[Pooled], facts: Sequence[PublishedFigures]
) -> list[dict[str, Any]]:
    """One row per cell, method and figure: ours with interval, theirs, difference, inside or not.

    Where nothing is published the columns of theirs are empty.
    """
    known = {fact.key: fact for fact in facts}
    rows = []
    for one in results:
        cell = one.cell
        fact = known.get((cell["model"], cell["dataset"], one.method, cell["max_sequences"]))
        for figure, counterpart in FIGURES.items():
            value = INTERVALS[figure]
            interval = interval_of(value, one.values(value))
            ours = one.total(figure)
            published = getattr(fact, counterpart) if fact else None
            difference = None if ours is None or published is None else ours - published
            inside = None
            if published is not None and interval is not None:
                inside = interval.low <= published <= interval.high
            rows.append(
                {
                    **cell,
                    "method": one.method,
                    "figure": figure,
                    **with_bounds("ours", ours, interval),
                    "published": published,
                    "difference": difference,
                    "inside_our_interval": inside,
                    "source": fact.source if fact and published is not None else None,
                }
            )
    return rows
