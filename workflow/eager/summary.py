"""The summary table: one row a cell and method, in CSV and Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from eager.files import read_json, write_text
from eager.settings import Frozen

RELATIVE = ("tokens", "tokens_upstream", "sequences", "seconds", "pass_at_k")
METRICS = [
    "prompts",
    "pass_at_k",
    "cons_at_max",
    "pass_rate",
    "pass_at_k_upstream",
    "sequences",
    "tokens",
    "tokens_upstream",
    "seconds",
]
ONLY_IN_CSV = ["pass_at_k_upstream", "sequences_relative", "seconds_relative"]
SHARES = {"pass_at_k", "cons_at_max", "pass_rate", "pass_at_k_upstream"}


class SummaryRow(Frozen):
    """One row to fill: the cell's parameters, the method, and where its metrics are."""

    cell: dict[str, Any]
    method: str
    metrics: str


def write_summary(rows: list[SummaryRow], csv_path: Path, markdown_path: Path) -> None:
    """Collect metrics.json files into summary.csv and summary.md.

    Relative columns compare a method with `parallel` in the same cell; they are empty where
    `parallel` was not run or is zero.
    """
    table = summarize([(row.cell, row.method, read_json(Path(row.metrics))) for row in rows])
    write_text(csv_path, table.to_csv(index=False, lineterminator="\n", float_format="%.6g"))
    write_text(markdown_path, to_markdown(table))


def summarize(results: list[tuple[dict[str, Any], str, dict[str, Any]]]) -> pd.DataFrame:
    """The table as a data frame, from (cell, method, metrics), in the order given."""
    records = [
        cell | {"method": method} | {name: metrics[name] for name in METRICS}
        for cell, method, metrics in results
    ]
    baselines = {
        tuple(cell.items()): metrics for cell, method, metrics in results if method == "parallel"
    }
    for record, (cell, _, metrics) in zip(records, results, strict=True):
        baseline = baselines.get(tuple(cell.items()), {})
        for name in RELATIVE:
            reference = baseline.get(name)
            record[f"{name}_relative"] = metrics[name] / reference if reference else None
    return pd.DataFrame(records)


def to_markdown(table: pd.DataFrame) -> str:
    """The table for people: aligned, with parameters that do not vary above it."""
    parameters = list(table.columns[: table.columns.get_loc("method")])
    constant = [name for name in parameters if table[name].nunique() == 1]
    shown = table.drop(columns=[*constant, *ONLY_IN_CSV])
    rows = [list(shown.columns)]
    rows += [[_cell(name, row[name]) for name in shown.columns] for _, row in shown.iterrows()]
    widths = [max(len(row[i]) for row in rows) for i in range(len(shown.columns))]
    rows.insert(1, ["-" * width for width in widths])
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    above = ", ".join(f"{name} {table[name].iloc[0]}" for name in constant)
    return "\n".join([above, "", *lines]) + "\n"


def _cell(name: str, value: Any) -> str:
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return ""
    if name in SHARES:
        return f"{value:.3f}"
    if name.endswith("_relative"):
        return f"{value:.2f}"
    if name in ("tokens", "tokens_upstream", "sequences"):
        return f"{value:,}"
    if name == "seconds":
        return f"{value:.0f}"
    return str(value)
