"""Every table of an experiment from its metrics.json files, and the verdict in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from eager.config.experiment import ResolvedExperiment
from eager.config.settings import RivalSettings
from eager.report.figures.forest import draw_forest
from eager.report.figures.names import FOREST
from eager.report.results import imported_targets
from eager.report.tables import curve, nested, rivals_table
from eager.report.tables.comparison import (
    compare_with_baseline,
    compare_with_published,
    only_in_csv,
)
from eager.report.tables.conclusion import conclude, markdown_of
from eager.report.tables.names import CONCLUSION, STORED
from eager.report.tables.pairing import Result
from eager.report.tables.published import read_published
from eager.report.tables.rendering import table_files, write_forms
from eager.report.tables.stored import ShownTable, Tables, store_tables
from eager.report.tables.summary import ONLY_IN_CSV, read_results, summarize, with_equal_tokens
from eager.util.files import write_text


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
    summary = with_equal_tokens(summarize(results), comparison)
    derived = rivals_table.rivals_table(results, rivals)
    facts = read_published(published) if published else []
    return Tables(
        [
            ShownTable("summary", summary, ONLY_IN_CSV),
            ShownTable("comparison", comparison, only_in_csv(comparison)),
            ShownTable("rivals", derived, rivals_table.ONLY_IN_CSV),
            ShownTable("parallel_curve", curve.parallel_curves(results), curve.ONLY_IN_CSV),
            ShownTable("nested", nested.nested_samples(results)),
            ShownTable("published", compare_with_published(list(results), facts)),
        ],
        conclude(comparison, derived),
    )


def experiment_tables(experiment: ResolvedExperiment) -> Tables:
    """Every table of an experiment whose results are measured."""
    results = read_results([*experiment.targets, *imported_targets(experiment)])
    return tables_of(results, experiment.published, experiment.rivals)


def write_tables(made: Tables, folder: Path) -> None:
    """Write every table in its three forms, and conclusion.md."""
    for table in made.tables:
        write_forms(table.frame, table_files(folder, table.name), table.only_in_csv)
    write_text(folder / CONCLUSION, markdown_of(made.conclusion))


def write_experiment(experiment: ResolvedExperiment, folder: Path) -> None:
    """Write the tables of an experiment, and draw what they say of all its cells at once.

    Beside the files for people lies one with every digit, from which the page is written.

    Args:
        experiment: the experiment; the metrics of its results are there.
        folder: where the tables go.
    """
    made = experiment_tables(experiment)
    write_tables(made, folder)
    store_tables(made, folder / STORED)
    draw_forest(made.frame("comparison"), experiment.folder / "figures", FOREST)
