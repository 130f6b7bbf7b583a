"""Every table of an experiment from its metrics.json files, and the verdict in words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import pandas as pd

from eager.config.experiment import ResolvedExperiment
from eager.config.settings import RivalSettings
from eager.report.figures.forest import draw_forest, forest_rows
from eager.report.figures.names import FOREST
from eager.report.results import imported_targets
from eager.report.tables import summary
from eager.report.tables.columns import header
from eager.report.tables.comparison import (
    Row,
    compare_pairs,
    compare_with_baseline,
    secondary_endpoints,
)
from eager.report.tables.conclusion import conclude, markdown_of
from eager.report.tables.cost import cost_table
from eager.report.tables.names import CONCLUSION, STORED
from eager.report.tables.pairing import Result, each_seed, pool_seeds, with_baseline
from eager.report.tables.published import compare_with_published, read_published
from eager.report.tables.rendering import write_forms
from eager.report.tables.rivals_table import ONLY_IN_CSV, derive, pairs_of, rivals_table
from eager.report.tables.stored import ShownTable, Tables, store_tables
from eager.util.files import write_text


def tables_of(results: Sequence[Result], published: Path | None, rivals: RivalSettings) -> Tables:
    """Make every table: seeds are pooled in all but `seeds`.

    Args:
        results: cell, method and metrics of every result, in the order of the rows.
        published: file of published figures; without one their columns are empty.
        rivals: parameters of the rivals.

    Raises:
        EagerError: a method and `parallel` were not measured on the same prompts, or the file of
            published figures has mistakes.
    """
    pooled = pool_seeds(results)
    pairs = with_baseline(pooled)
    comparison, cost = compare_with_baseline(pairs), cost_table(pooled)
    shown = summary.summarize(pooled, comparison)
    derived = derive(pooled, rivals)
    facts = read_published(published) if published else []
    seeds: list[Row] = []
    if len(pooled) < len(results):
        single = each_seed(results)
        seeds = list(summary.summarize(single, compare_with_baseline(with_baseline(single))))

    def table(name: str, rows: Sequence[Row], only_in_csv: Collection[str] = ()) -> ShownTable:
        frame = pd.DataFrame(rows, columns=None if rows else header(name, shown[0]))
        return ShownTable(name, frame, only_in_csv)

    return Tables(
        [
            table("summary", shown, [*summary.ONLY_IN_CSV, *([] if seeds else summary.OF_SEEDS)]),
            table("comparison", comparison),
            table("cost", cost),
            table("secondary", secondary_endpoints(pairs)),
            table("pairs", compare_pairs(pairs_of(pooled, derived))),
            table("rivals", rivals_table(pooled, derived), ONLY_IN_CSV),
            table("seeds", seeds, [*summary.ONLY_IN_CSV, *summary.OF_SEEDS]),
            table("parallel_curve", summary.parallel_curves(pooled), ["cons_error"]),
            table("published", compare_with_published(pooled, facts)),
        ],
        conclude(shown, comparison, cost),
    )


def experiment_tables(experiment: ResolvedExperiment) -> Tables:
    """Every table of an experiment whose results are measured."""
    results = summary.read_results([*experiment.targets, *imported_targets(experiment)])
    return tables_of(results, experiment.published, experiment.rivals)


def write_tables(made: Tables, folder: Path) -> None:
    """Write every table in its three forms, and conclusion.md."""
    for table in made.tables:
        write_forms(table.frame, folder / table.name, table.only_in_csv)
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
    draw_forest(forest_rows(made), experiment.folder / "figures", FOREST)
