"""The parts of the page as plain data: texts and numbers, which the templates escape."""

from __future__ import annotations

import base64
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from eager.config.experiment import Target
from eager.report.figures.style import style_of
from eager.report.results import cell_label
from eager.report.tables.rendering import for_people, in_words, number_columns
from eager.report.tables.stored import ShownTable
from eager.util.errors import EagerError
from eager.util.files import read_json

DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"
METHOD = "method"
"""The column whose cells name their rows."""


Part = dict[str, Any]


def table(shown: ShownTable) -> Part:
    """A table of numbers: the cells are those of its Markdown file."""
    above, (columns, *rows) = for_people(shown.frame, shown.only_in_csv)
    return grid(shown.name, columns, rows, number_columns(shown.frame), in_words(above))


def grid(
    name: str,
    columns: list[str],
    rows: list[list[str]],
    numbers: Container[str] = (),
    above: str = "",
) -> Part:
    """A table of texts, as `grid.html.j2` reads it; methods get the names that the figures use.

    Args:
        name: its heading, and what a screen reader calls it.
        columns: names of the columns.
        rows: a text per column each.
        numbers: columns to align as numbers.
        above: parameters that are the same in all rows.
    """
    heads = [
        {"label": name.replace("_", " "), "is_number": name in numbers, "is_header": name == METHOD}
        for name in columns
    ]
    texts = [
        [
            style_of(text).name if name == METHOD else text
            for name, text in zip(columns, row, strict=True)
        ]
        for row in rows
    ]
    return {"name": name, "columns": heads, "rows": texts, "above": above}


def figure(path: Path, captions: Mapping[str, str]) -> Part:
    """A figure with its caption and itself in words; `image` is the SVG in base64.

    Args:
        path: an SVG that `figures.draw` has written.
        captions: a text per kind of figure.

    Raises:
        EagerError: it is no SVG.
    """
    content = path.read_bytes()
    title, description = _described(path, content)
    image = base64.b64encode(content).decode("ascii")
    caption = captions.get(path.stem, "")
    return {"title": title, "description": description, "caption": caption, "image": image}


def provenance(targets: list[Target]) -> Part:
    """How a cell came about, from the run.json of its results.

    What readers ask first is a table; all the rest are names joined by dots, and texts.
    """
    cell = targets[0].cell
    runs = [read_json(target.file("run.json")) for target in targets]
    chief = [
        {METHOD: target.method, **_chief(run)} for target, run in zip(targets, runs, strict=True)
    ]
    name = f"{cell['model']} on {cell['dataset']}: {cell_label(cell)}"
    return {
        "chief": grid(name, list(chief[0]), [list(row.values()) for row in chief]),
        "runs": [
            {"method": style_of(one.method).name, "folder": one.folder, "recorded": _flat(run)}
            for one, run in zip(targets, runs, strict=True)
        ],
    }


def _chief(run: dict[str, Any]) -> dict[str, str]:
    """What readers ask first; empty where a run did not record it."""
    counts, code, hardware, model = (
        run.get(key) or {} for key in ("counts", "code", "hardware", "model")
    )
    dirty = " with uncommitted changes" if code.get("dirty") else ""
    machine = hardware.get("gpus") or [hardware.get("processor", "")]
    return {
        "engine seconds": f"{counts['engine_seconds']:.1f}" if "engine_seconds" in counts else "",
        "model": " ".join(str(model[key]) for key in ("source", "revision") if model.get(key)),
        "commit": f"{str(code.get('commit') or '')[:12]}{dirty}",
        "hardware": f"{', '.join(machine)}, {hardware.get('cores', '?')} cores",
        "versions": ", ".join(f"{name} {value}" for name, value in run.get("versions", {}).items()),
        "finished": str(run.get("finished_at", "")),
    }


def _flat(values: dict[str, Any], above: str = "") -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for key, value in values.items():
        name = f"{above}{key}"
        pairs += _flat(value, f"{name}.") if isinstance(value, dict) else [(name, str(value))]
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
