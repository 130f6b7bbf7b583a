"""Tables for people: one data frame as CSV, Markdown and LaTeX (booktabs)."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd

from eager.config.settings import StrictModel
from eager.util.files import write_text

TWO_DIGITS = ("_relative",)
THREE_DIGITS = (
    *("pass_at_k", "cons_at_max", "pass_rate", "upstream"),
    *("_difference", "_saved", "_by_the_unit", "_p_value"),
)
LATEX_SPECIAL = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
)


class TableFiles(StrictModel):
    """Where the three forms of one table go."""

    csv: Path
    markdown: Path
    latex: Path


def table_files(folder: Path, name: str) -> TableFiles:
    """The three forms of a table in a folder."""
    csv, markdown, latex = (folder / f"{name}.{form}" for form in ("csv", "md", "tex"))
    return TableFiles(csv=csv, markdown=markdown, latex=latex)


def write_forms(table: pd.DataFrame, files: TableFiles, only_in_csv: Collection[str] = ()) -> None:
    """Write a table in its three forms; a table without rows leaves its header or nothing.

    Args:
        table: parameters of the cell, then `method`, then figures; `X_low` and `X_high` are the
            bounds of `X`.
        files: where to.
        only_in_csv: columns that people do not need.
    """
    write_text(files.csv, table.to_csv(index=False, lineterminator="\n", float_format="%.6g"))
    above, rows = for_people(table, only_in_csv)
    write_text(files.markdown, markdown(above, rows))
    write_text(files.latex, _latex(above, rows))


def for_people(
    table: pd.DataFrame, only_in_csv: Collection[str] = ()
) -> tuple[dict[str, str], list[list[str]]]:
    """Parameters that do not vary, and the header and rows of the rest as text."""
    if table.empty:
        return {}, [list(table.columns)]
    parameters = list(table.columns[: table.columns.get_loc("method")])
    constant = [name for name in parameters if table[name].nunique() == 1]
    columns = [
        name
        for name in table.columns
        if name not in {*constant, *only_in_csv} and not re.search("_(low|high)$", name)
    ]
    rows = [[_with_bounds(row, name) for name in columns] for _, row in table.iterrows()]
    return {name: str(table[name].iloc[0]) for name in constant}, [columns, *rows]


def _with_bounds(row: pd.Series[Any], name: str) -> str:
    text = format_value(name, row[name])
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    if not text or pd.isna(low) or pd.isna(high):
        return text
    return f"{text} [{format_value(name, low)}, {format_value(name, high)}]"


def format_value(name: str, value: Any) -> str:
    """A value of a column as people read it; nothing for a missing one."""
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, (int, float)) or name in ("temperature", "entropy_threshold", "seed"):
        return str(value)
    if name.endswith(TWO_DIGITS):
        return f"{value:.2f}"
    if "tokens" not in name or name.endswith(("_saved", "_by_the_unit")):
        if name.startswith(THREE_DIGITS) or name.endswith(THREE_DIGITS):
            return f"{value:.3f}"
        if name in ("ours", "published", "difference") and abs(value) <= 1:
            return f"{value:.3f}"
    return f"{value:,.0f}"


def markdown(above: dict[str, str], rows: list[list[str]]) -> str:
    """What `for_people` found, as a Markdown table below one line of parameters."""
    if not rows[0]:
        return "No rows.\n"
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    ruled = [rows[0], ["-" * width for width in widths], *rows[1:]]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in ruled
    ]
    heading = ", ".join(f"{name} {value}" for name, value in above.items())
    return "\n".join([heading, "", *lines] if heading else lines) + "\n"


def _latex(above: dict[str, str], rows: list[list[str]]) -> str:
    r"""A `tabular` to `\input`; needs `\usepackage{booktabs}`."""
    if not rows[0]:
        return "% No rows.\n"
    escaped = [" & ".join(cell.translate(LATEX_SPECIAL) for cell in row) + r" \\" for row in rows]
    comment = ", ".join(f"{name} {value}" for name, value in above.items())
    lines = [
        f"% {comment}" if comment else "% All parameters vary.",
        rf"\begin{{tabular}}{{{'l' * len(rows[0])}}}",
        r"\toprule",
        escaped[0],
        r"\midrule",
        *escaped[1:],
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"
