"""The tables of an experiment: the summary, the comparison with `parallel`, the publication."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from eager.config.targets import ResolvedExperiment, Target
from eager.report.results import imported_cells
from eager.report.tables.comparison import (
    Result,
    compare_with_baseline,
    compare_with_published,
    with_bounds,
)
from eager.report.tables.published import read_published
from eager.report.tables.rendering import TableFiles, table_files, write_forms
from eager.report.tables.thresholds import sweep_columns
from eager.util.files import read_json

RELATIVE = ("tokens", "tokens_upstream", "sequences", "seconds", "pass_at_k")
METRICS = [
    "prompts",
    "pass_at_k",
    "cons_at_max",
    "pass_rate",
    "pass_at_k_upstream",
    "cons_at_max_upstream",
    "pass_rate_upstream",
    "sequences",
    "tokens",
    "tokens_upstream",
    "tokens_per_prompt",
    "computed_tokens",
    "engine_seconds",
    "seconds",
]
ONLY_IN_CSV = [
    *("pass_at_k_upstream", "cons_at_max_upstream", "pass_rate_upstream"),
    *("engine_seconds", "sequences_relative", "seconds_relative"),
]


class ShownTable(NamedTuple):
    """A table as people see it: in Markdown, in LaTeX and on the page."""

    name: str
    frame: pd.DataFrame
    only_in_csv: Collection[str] = ()


def write_tables(experiment: ResolvedExperiment, folder: Path) -> None:
    """Write every table of an experiment, in all forms, from the metrics of its results.

    Args:
        experiment: the experiment.
        folder: where the tables go.
    """
    results = read_results(experiment.targets)
    for cell in imported_cells(experiment):
        results += [
            (cell.cell, method, read_json(cell.file(method, "metrics.json")))
            for method in cell.methods
        ]
    write_summary(results, table_files(folder, "summary"))
    write_comparison(results, table_files(folder, "comparison"))
    write_published(results, experiment.published, table_files(folder, "published"))


def read_results(targets: Sequence[Target], root: Path = Path()) -> list[Result]:
    """Cell, method and metrics of each result, in the order of the targets.

    Args:
        targets: the results; several may share one folder.
        root: the folder that the targets' folders lie in.
    """
    metrics = {
        folder: read_json(root / folder / "metrics.json")
        for folder in dict.fromkeys(target.folder for target in targets)
    }
    return [(target.cell, target.method, metrics[target.folder]) for target in targets]


def write_summary(results: list[Result], files: TableFiles) -> None:
    """Collect metrics.json files into the summary: one row per cell and method.

    Relative columns compare a method with `parallel` in the same cell; they are empty where
    `parallel` was not run or is zero.
    """
    write_forms(summarize(results), files, ONLY_IN_CSV)


def write_comparison(results: list[Result], files: TableFiles) -> None:
    """Compare each method with `parallel` on the same prompts."""
    write_forms(compare_with_baseline(results), files)


def write_published(results: list[Result], published: Path | None, files: TableFiles) -> None:
    """Put published figures beside ours; without a file all of theirs are empty."""
    facts = read_published(published) if published else []
    write_forms(compare_with_published(results, facts), files)


def tables_to_show(results: list[Result], published: Path | None) -> list[ShownTable]:
    """The tables of the report page: the same data frames that the files are written from.

    Args:
        results: in the order of the rows.
        published: file of published figures; without one there is no table of them.
    """
    tables = [
        ShownTable("summary", summarize(results), ONLY_IN_CSV),
        ShownTable("comparison", compare_with_baseline(results)),
    ]
    if published:
        facts = read_published(published)
        tables.append(ShownTable("published", compare_with_published(results, facts)))
    return tables


def summarize(results: list[Result]) -> pd.DataFrame:
    """The summary as a data frame, in the order given."""
    records = []
    for cell, method, metrics in results:
        record: dict[str, Any] = {**cell, "method": method}
        for name in METRICS:
            if name in metrics["intervals"]:
                record |= with_bounds(name, metrics[name], metrics["intervals"][name])
            else:
                record[name] = metrics[name]
        records.append(record)
    baselines = {
        tuple(cell.items()): metrics for cell, method, metrics in results if method == "parallel"
    }
    for record, (cell, _, metrics) in zip(records, results, strict=True):
        baseline = baselines.get(tuple(cell.items()), {})
        for name in RELATIVE:
            value, reference = metrics[name], baseline.get(name)
            comparable = reference and value is not None
            record[f"{name}_relative"] = value / reference if comparable else None
    for record, columns in zip(records, sweep_columns(results), strict=True):
        record.update(columns)
    return pd.DataFrame(records)
