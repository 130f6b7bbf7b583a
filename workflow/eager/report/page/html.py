"""Parts of the page made of values: everything that comes from models or data is escaped."""

from __future__ import annotations

import base64
import csv
import re
from html import escape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from eager.report.figures.style import style_of
from eager.util.errors import EagerError

DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"
NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d{1,2})?")
Row = dict[str, str]
PLACE = ("model", "dataset", "temperature", "max_sequences", "entropy_threshold", "seed")
"""Columns that say which cell a row is about."""


def read_csv(path: Path) -> list[Row]:
    """Rows of a table, as text.

    Raises:
        EagerError: it is missing.
    """
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            return list(csv.DictReader(stream))
    except FileNotFoundError:
        raise EagerError(f"{path}: no such file; run the workflow to make it") from None


def table(rows: list[Row], name: str) -> str:
    """A table of numbers; parameters that are the same in all rows stand above it.

    Columns `X_low` and `X_high` become the interval behind `X`.
    """
    if not rows:
        return f"<p>{escape(name)}: no rows.</p>"
    constant = {
        column
        for column in ("experiment", *PLACE, "prompts")
        if column in rows[0] and len(rows) > 1 and len({row[column] for row in rows}) == 1
    }
    above = ", ".join(f"{escape(c)} {escape(rows[0][c])}" for c in rows[0] if c in constant)
    numbers = {
        c for c in rows[0] if c not in PLACE and all(is_number(row[c] or "0") for row in rows)
    }
    shown = _merge_intervals(
        {
            c: _written([row[c] for row in rows]) if c in numbers else [row[c] for row in rows]
            for c in rows[0]
            if c not in constant
        }
    )
    lines = [{c: texts[i] for c, texts in shown.items()} for i in range(len(rows))]
    return f"<h3>{escape(name)}</h3>{f'<p>In all rows: {above}.</p>' if above else ''}" + grid(
        lines, name, numbers
    )


def _merge_intervals(columns: dict[str, list[str]]) -> dict[str, list[str]]:
    merged = {}
    for name, values in columns.items():
        if name.removesuffix("_low") in columns and name.endswith("_low"):
            continue
        if name.removesuffix("_high") in columns and name.endswith("_high"):
            continue
        bounds = zip(
            columns.get(f"{name}_low", [""] * len(values)),
            columns.get(f"{name}_high", [""] * len(values)),
            strict=True,
        )
        merged[name] = [
            f"{value} [{low}, {high}]" if low and high else value
            for value, (low, high) in zip(values, bounds, strict=True)
        ]
    return merged


def grid(rows: list[Row], name: str, numbers: set[str] | None = None) -> str:
    """Rows in a frame that scrolls by itself.

    Args:
        rows: texts by column.
        name: what a screen reader calls it.
        numbers: columns to align as numbers.
    """
    numbers = numbers or set()
    kind = {column: ' class="number"' if column in numbers else "" for column in rows[0]}
    head = "".join(
        f'<th scope="col"{kind[column]}>{escape(column.replace("_", " "))}</th>'
        for column in rows[0]
    )
    body = "".join(
        "<tr>" + "".join(_cell(column, row[column], kind[column]) for column in row) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="table {escape(name)}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def pairs(values: dict[str, Any], caption: str) -> str:
    """A table of names and values, nested names joined by dots."""
    body = "".join(
        f'<tr><th scope="row">{escape(key)}</th><td>{escape(str(value))}</td></tr>'
        for key, value in _flat(values)
    )
    return f"<table><caption>{escape(caption)}</caption><tbody>{body}</tbody></table>"


def figure(path: Path, captions: dict[str, str]) -> str:
    """A figure as an image within the page, with its caption and itself in words."""
    content = path.read_bytes()
    title, description = _described(path, content)
    name = path.stem.rsplit("--", 1)[-1]
    image = base64.b64encode(content).decode("ascii")
    return (
        f'<figure><img alt="{escape(description)}" src="data:image/svg+xml;base64,{image}">'
        f"<figcaption><p><strong>{escape(title)}.</strong> {escape(captions.get(name, ''))}</p>"
        f"<details><summary>In words</summary><p>{escape(description)}</p></details>"
        "</figcaption></figure>"
    )


def _cell(column: str, value: str, kind: str) -> str:
    if column == "method":
        return f'<th scope="row">{escape(style_of(value).name)}</th>'
    return f"<td{kind}>{escape(value)}</td>"


def is_number(value: str) -> bool:
    """Whether a table's text is a number; a hash such as 12e4567 is none."""
    return NUMBER.fullmatch(value) is not None


def _written(values: list[str]) -> list[str]:
    """A column of numbers with the same decimals in all rows; empty stays empty."""
    whole = all(float(value).is_integer() for value in values if value)
    large = any(abs(float(value)) >= 1000 for value in values if value)
    form = ",.0f" if whole or large else ".3f"
    return [format(float(value), form) if value else "" for value in values]


def _flat(values: dict[str, Any], above: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for key, value in values.items():
        name = f"{above}{key}"
        pairs += _flat(value, f"{name}.") if isinstance(value, dict) else [(name, value)]
    return pairs


def _described(path: Path, content: bytes) -> tuple[str, str]:
    """Title and description that a figure carries."""
    try:
        root = ElementTree.fromstring(content)  # noqa: S314
    except ElementTree.ParseError as error:
        raise EagerError(f"{path}: not an SVG: {error}; delete it and draw again") from None
    found = [root.find(f".//{DUBLIN_CORE}{name}") for name in ("title", "description")]
    title, description = [(element.text or "") if element is not None else "" for element in found]
    return title or path.stem, description or path.stem
