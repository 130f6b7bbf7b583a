"""Parts of the page made of values: everything that comes from models or data is escaped."""

from __future__ import annotations

import base64
import csv
import re
from html import escape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from eager.errors import EagerError
from eager.plotting import method_name

DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"
NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d{1,2})?")
Row = dict[str, str]


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
    """A table of numbers; parameters that are the same in all rows stand above it."""
    if not rows:
        return f"<p>{escape(name)}: no rows.</p>"
    columns = list(rows[0])
    constant = [
        column
        for column in columns
        if column in ("experiment", *_PLACE, "prompts")
        and len(rows) > 1
        and len({row[column] for row in rows}) == 1
    ]
    above = ", ".join(f"{escape(c)} {escape(rows[0][c])}" for c in constant)
    numbers = {
        c for c in columns if c not in _PLACE and all(_number(row[c] or "0") for row in rows)
    }
    written = {
        c: _written([row[c] for row in rows]) if c in numbers else [row[c] for row in rows]
        for c in columns
        if c not in constant
    }
    shown = [{c: texts[i] for c, texts in written.items()} for i in range(len(rows))]
    return f"<h3>{escape(name)}</h3>{f'<p>In all rows: {above}.</p>' if above else ''}" + grid(
        shown, name, numbers
    )


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


def headline(rows: list[Row]) -> str:
    """What every EAGer method saves and gains in its cell, with intervals where there are any."""
    cells: dict[tuple[str, ...], dict[str, Row]] = {}
    for row in rows:
        place = tuple(value for key, value in row.items() if key in _PLACE)
        cells.setdefault(place, {})[row["method"]] = row
    return "".join(_cell_headline(methods) for methods in cells.values())


_PLACE = ("model", "dataset", "temperature", "max_sequences", "entropy_threshold", "seed")


def _cell_headline(methods: dict[str, Row]) -> str:
    some = next(iter(methods.values()))
    label = (
        f"{some['model']} on {some['dataset']}, M {some['max_sequences']}, "
        f"θ {some['entropy_threshold']}, T {some['temperature']}, seed {some['seed']}"
    )
    parallel = methods.get("parallel")
    lines = [
        f"<li><strong>{escape(method_name(method))}</strong>: {_against(row, parallel)}</li>"
        for method, row in methods.items()
        if method != "parallel"
    ]
    prompts = int(some["prompts"])
    note = f"{prompts} prompts: one prompt is {1 / prompts:.3f} of Pass@k."
    if not any(key.endswith("_low") for key in some):
        note += " The tables hold no intervals, so none are shown."
    return f"<section><h3>{escape(label)}</h3><ul>{''.join(lines)}</ul><p>{note}</p></section>"


def _against(row: Row, parallel: Row | None) -> str:
    reached = f"Pass@k {float(row['pass_at_k']):.3f}{_interval(row, 'pass_at_k')}"
    if parallel is None or not row["tokens_relative"]:
        return f"{reached}; Full Parallel was not run, so there is nothing to compare with."
    gain = float(row["pass_at_k"]) - float(parallel["pass_at_k"])
    return (
        f"<b>{_change(row['tokens_relative'])} tokens</b>{_interval(row, 'tokens_relative')} than "
        f"Full Parallel ({_change(row['tokens_upstream_relative'])} by the authors' count); "
        f"{reached} against {float(parallel['pass_at_k']):.3f} "
        f"(<b>{_signed(gain)}</b>{_interval(row, 'pass_at_k_difference')})."
    )


def _change(relative: str) -> str:
    percent = (float(relative) - 1) * 100
    return f"{abs(percent):.0f} % {'more' if percent > 0 else 'fewer'}"


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "\N{MINUS SIGN}")


def _interval(row: Row, name: str) -> str:
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    return f" [{float(low):.3f}, {float(high):.3f}]" if low and high else ""


def _cell(column: str, value: str, kind: str) -> str:
    if column == "method":
        return f'<th scope="row">{escape(method_name(value))}</th>'
    return f"<td{kind}>{escape(value)}</td>"


def _number(value: str) -> bool:
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
