"""Puts the page together."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from eager.config.targets import ResolvedExperiment
from eager.report.figures.names import figure_names
from eager.report.figures.style import style_of
from eager.report.page.explorer import ExplorerData, collect
from eager.report.page.headline import headline
from eager.report.page.html import figure, grid, pairs, read_csv, table
from eager.report.results import CellResults, cells_of
from eager.util.errors import EagerError
from eager.util.files import read_json, write_text

PART = re.compile(r"<!-- part (\w+) -->")


def report_experiment(experiment: ResolvedExperiment, output: Path) -> None:
    """Write the page of an experiment whose tables and figures are made.

    Args:
        experiment: the experiment.
        output: the HTML file.
    """
    cells = cells_of(experiment)
    tables = ["summary", "comparison", *(["published"] if experiment.published else [])]
    captions = sorted(Path(str(files("eager.report.page") / "captions")).glob("*.rst"))
    write_report(
        cells,
        [experiment.folder / f"tables/{table}.csv" for table in tables],
        [experiment.folder / name for name in figure_names(experiment, "svg")],
        captions,
        output,
    )


def write_report(
    cells: list[CellResults],
    tables: list[Path],
    figures: list[Path],
    captions: list[Path],
    output: Path,
) -> None:
    """Write the page.

    Args:
        cells: every cell of an experiment.
        tables: CSV files to show; summary.csv among them gives the headline, with the intervals
            of comparison.csv if that is there.
        figures: SVG files, in order.
        captions: a text file a kind of figure.
        output: the HTML file.

    Raises:
        EagerError: no cells, no summary.csv, or a result is missing or damaged.
    """
    if not cells:
        raise EagerError("no cells to report; give at least one row in the experiment's TSV")
    rows = {path.name: read_csv(path) for path in tables}
    if "summary.csv" not in rows:
        raise EagerError(f"no summary.csv among the tables {[str(p) for p in tables]}; give it")
    data = collect(cells)
    words = {path.stem: " ".join(path.read_text("utf-8").split()) for path in captions}
    template, style = _asset("template.html"), _asset("style.css")
    script = _asset("stored.js") + _asset("explorer.js")
    parts = {
        "policy": _policy(style, script),
        "title": escape(f"EAGer: {cells[0].cell['experiment']}"),
        "style": style,
        "headline": headline(rows["summary.csv"], rows.get("comparison.csv", [])),
        "tables": "".join(table(rows[path.name], path.stem) for path in tables),
        "figures": "".join(figure(path, words) for path in figures),
        "provenance": "".join(_provenance(cell) for cell in cells),
        "left_out": _left_out(data),
        "index": _json(data.index),
        "packs": "".join(
            f'<script type="text/plain" id="pack-{number}">{pack}</script>\n'
            for number, pack in enumerate(data.packs)
        ),
        "script": script,
    }
    # One pass over the template: what a part contains is not searched for parts.
    write_text(output, PART.sub(lambda match: parts[match[1]], template))


def _asset(name: str) -> str:
    return (files("eager.report.page") / name).read_text("utf-8")


def _policy(style: str, script: str) -> str:
    """A policy under which the browser runs our script alone and loads nothing from anywhere."""

    def digest(text: str) -> str:
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")

    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest(style)}'; "
        f"script-src 'sha256-{digest(script)}'; base-uri 'none'; form-action 'none'"
    )


def _json(content: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(content, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _provenance(cell: CellResults) -> str:
    """How a cell came about: the chief facts in a table, everything folded below it."""
    runs = {method: read_json(cell.file(method, "run.json")) for method in cell.methods}
    details = "".join(
        f"<details><summary>{escape(style_of(method).name)}: everything recorded</summary>"
        '<div class="scroll" tabindex="0" role="region" aria-label="run.json">'
        f"{pairs(run, cell.methods[method])}</div></details>"
        for method, run in runs.items()
    )
    label = f"{cell.cell['model']} on {cell.cell['dataset']}: {cell.label}"
    chief = [{"method": method, **_chief(run)} for method, run in runs.items()]
    return f"<section><h3>{escape(label)}</h3>{grid(chief, label)}{details}</section>"


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


def _left_out(data: ExplorerData) -> str:
    if not data.left_out:
        return ""
    return (
        f"<p><strong>{data.left_out:,} results of single prompts were left out</strong> to keep "
        "this page small enough to open; each cell shows its first prompts. The files of the run "
        "hold all of them.</p>"
    )
