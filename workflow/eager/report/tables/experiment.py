"""Every table of an experiment from its metrics.json files, and the verdict in words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from eager.config.rivals import RivalSettings
from eager.report.tables import curve, rivals_table
from eager.report.tables.comparison import (
    compare_with_baseline,
    compare_with_published,
    only_in_csv,
)
from eager.report.tables.conclusion import Conclusion, conclude, markdown_of
from eager.report.tables.pairing import Result
from eager.report.tables.published import read_published
from eager.report.tables.rendering import TableFiles, write_forms
from eager.report.tables.summary import ONLY_IN_CSV, summarize
from eager.util.files import write_text


class ShownTable(NamedTuple):
    """A table, and its columns that people do not need."""

    name: str
    frame: pd.DataFrame
    only_in_csv: Collection[str] = ()


class Tables(NamedTuple):
    """All tables of an experiment, and what they show in words."""

    tables: list[ShownTable]
    conclusion: Conclusion


def tables_of(results: Sequence[Result], published: Path | None, rivals: RivalSettings) -> Tables:
    """Make every table.

    Args:
        results: cell, method and metrics of every result, in the order of the rows.
        published: file of published figures; without one their columns are empty.
        rivals: parameters of the rivals.

    Raises:
        EagerError: a method and `parallel` were not measured on the same prompts, or the file of
            published figures has mistakes.
    """
    comparison = compare_with_baseline(results)
    derived = rivals_table.rivals_table(results, rivals)
    facts = read_published(published) if published else []
    return Tables(
        [
            ShownTable("summary", summarize(list(results)), ONLY_IN_CSV),
            ShownTable("comparison", comparison, only_in_csv(comparison)),
            ShownTable("rivals", derived, rivals_table.ONLY_IN_CSV),
            ShownTable("parallel_curve", curve.parallel_curves(results), curve.ONLY_IN_CSV),
            ShownTable("published", compare_with_published(list(results), facts)),
        ],
        conclude(comparison, derived),
    )


def write_tables(made: Tables, folder: Path) -> None:
    """Write `{name}.csv`, `.md` and `.tex` of every table, and conclusion.md."""
    for table in made.tables:
        stem = folder / table.name
        files = TableFiles(
            csv=stem.with_suffix(".csv"),
            markdown=stem.with_suffix(".md"),
            latex=stem.with_suffix(".tex"),
        )
        write_forms(table.frame, files, table.only_in_csv)
    write_text(folder / "conclusion.md", markdown_of(made.conclusion))
