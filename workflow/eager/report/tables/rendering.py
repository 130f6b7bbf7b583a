"""Tables for people: one data frame as CSV, Markdown and LaTeX (booktabs), and for the page.

`for_people` makes the texts of the cells, once for all forms; each form only escapes them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from eager.util.files import write_text

TWO_DIGITS = ("_relative", "_samples", "sequences_per_prompt", "rounds", "_gib_per_prompt")
THREE_DIGITS = (
    *("pass_at_k", "cons_at_max", "pass_rate", "distinct_answers", "upstream"),
    *("_at_best", "_held_out", "_difference", "_saved", "_by_the_unit", "p_value"),
    *("_between_seeds", "tflop_per_prompt"),
)
OF_TOKENS = (
    *("_difference", "_saved", "_by_the_unit", "_p_value", "_per_1000_tokens"),
    "_at_equal_tokens",
)
"""Ends of columns that have tokens in their name and are no numbers of tokens."""
OF_A_FIGURE = ("ours", "published", "difference")
"""Columns of values of the metric that the column `figure` names."""
AS_WRITTEN = ("temperature", "entropy_threshold", "best_threshold", "seed")
LATEX_SPECIAL = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
)
MARKDOWN_SPECIAL = re.compile(
    r"[\\`*|<~]"
    r"|&(?=#?\w+;)"  # an entity
    r"|(?<![^\W_])_|_(?![^\W_])"  # emphasis; within a word it is none
    r"|(?<=\])\("  # a link
)


def write_forms(table: pd.DataFrame, path: Path, only_in_csv: Collection[str] = ()) -> None:
    """Write a table as CSV, Markdown and LaTeX; one without rows has its header as CSV.

    Args:
        table: parameters of the cell, then `method`, then figures; `X_low` and `X_high` are the
            bounds of `X`.
        path: where to, without the end of the name.
        only_in_csv: columns that people do not need.
    """
    write_text(
        path.with_name(f"{path.name}.csv"),
        table.to_csv(index=False, lineterminator="\n", float_format="%.6g"),
    )
    above, rows = for_people(table, only_in_csv)
    write_text(path.with_name(f"{path.name}.md"), markdown(above, rows))
    write_text(path.with_name(f"{path.name}.tex"), latex(above, rows))


def for_people(
    table: pd.DataFrame, only_in_csv: Collection[str] = ()
) -> tuple[dict[str, str], list[list[str]]]:
    """Parameters that do not vary, and the header and rows of the rest as text.

    Args:
        table: as of `write_forms`.
        only_in_csv: columns to leave out.
    """
    if table.empty:
        return {}, [[]]
    parameters = list(table.columns[: table.columns.get_loc("method")])
    constant = [name for name in parameters if table[name].nunique(dropna=False) == 1]
    columns = [
        name
        for name in table.columns
        if name not in {*constant, *only_in_csv} and not re.search("_(low|high)$", name)
    ]
    records = [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
    rows = [[format_with_bounds(row, name) for name in columns] for row in records]
    return {name: format_value(name, records[0][name]) for name in constant}, [columns, *rows]


def number_columns(table: pd.DataFrame) -> set[str]:
    """Columns to align as numbers: all but parameters, texts and yes or no."""
    parameters = set(table.columns[: table.columns.get_loc("method")]) if len(table) else set()
    return {
        name
        for name in table.columns
        if name not in parameters
        and all(_is_number(value) or _is_missing(value) for value in table[name])
    }


def format_with_bounds(row: Mapping[str, Any], name: str) -> str:
    """A value of a row, with its interval behind it where there is one."""
    text = format_value(_metric(row, name), row[name])
    bounds = format_bounds(row, name)
    return f"{text} {bounds}" if text and bounds else text


def format_bounds(row: Mapping[str, Any], name: str) -> str:
    """The interval of a value of a row, such as [0.250, 0.750]; nothing where there is none."""
    bounds = [format_value(_metric(row, name), row.get(f"{name}_{end}")) for end in ("low", "high")]
    return f"[{', '.join(bounds)}]" if all(bounds) else ""


def format_value(name: str, value: Any) -> str:
    """A value of a column as people read it, on one line; nothing for a missing one."""
    if _is_missing(value):
        return ""
    if pd.api.types.is_bool(value):
        return "yes" if value else "no"
    if not _is_number(value) or name in AS_WRITTEN:
        return _one_line(str(value))
    if name.endswith(TWO_DIGITS):
        return f"{value:z.2f}"
    if ("tokens" not in name or name.endswith(OF_TOKENS)) and (
        name.startswith(THREE_DIGITS) or name.endswith(THREE_DIGITS)
    ):
        return "<0.001" if name.endswith("p_value") and value < 0.0005 else f"{value:z.3f}"
    return f"{value:z,.0f}"


def minus(text: str) -> str:
    """A number in a sentence, with a sign that is not a hyphen."""
    return text.replace("-", "\N{MINUS SIGN}")


def markdown(above: Mapping[str, str], rows: list[list[str]]) -> str:
    """What `for_people` found, as a Markdown table below one line of parameters."""
    if not rows[0]:
        return "No rows.\n"
    escaped = [[_escape_markdown(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in escaped) for i in range(len(rows[0]))]
    ruled = [escaped[0], ["-" * width for width in widths], *escaped[1:]]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in ruled
    ]
    heading = _escape_markdown(in_words(above))
    return "\n".join([heading, "", *lines] if heading else lines) + "\n"


def latex(above: Mapping[str, str], rows: list[list[str]]) -> str:
    r"""What `for_people` found, as a `tabular` to `\input`; needs `\usepackage{booktabs}`."""
    if not rows[0]:
        return "% No rows.\n"
    escaped = [" & ".join(cell.translate(LATEX_SPECIAL) for cell in row) + r" \\" for row in rows]
    # After the end of a row or a rule these would be read as its argument.
    escaped = [f"{{}}{row}" if row.startswith(("[", "*", "(")) else row for row in escaped]
    lines = [
        f"% {in_words(above)}" if above else "% All parameters vary.",
        rf"\begin{{tabular}}{{{'l' * len(rows[0])}}}",
        r"\toprule",
        escaped[0],
        r"\midrule",
        *escaped[1:],
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def in_words(above: Mapping[str, str]) -> str:
    """Parameters that do not vary, on one line."""
    return ", ".join(f"{name} {value}" for name, value in above.items())


def _metric(row: Mapping[str, Any], name: str) -> str:
    return str(row["figure"]) if name in OF_A_FIGURE and "figure" in row else name


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and pd.isna(value))


def _is_number(value: Any) -> bool:
    return pd.api.types.is_number(value) and not pd.api.types.is_bool(value)


def _one_line(text: str) -> str:
    """A text without what ends a line or steers a terminal; blanks in a row become one."""
    spaced = " ".join(text.split())
    return "".join("\ufffd" if unicodedata.category(c) == "Cc" else c for c in spaced)


def _escape_markdown(text: str) -> str:
    return MARKDOWN_SPECIAL.sub(r"\\\g<0>", text)
