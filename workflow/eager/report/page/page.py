"""Puts the page together: plain data into `report.html.j2`."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import jinja2

from eager.config.experiment import ResolvedExperiment, Target
from eager.report.figures.names import figure_names
from eager.report.page.explorer import collect
from eager.report.page.parts import figure, provenance, table
from eager.report.results import by_cell, cell_label, shown_targets
from eager.report.tables.names import STORED
from eager.report.tables.stored import Tables, stored_tables
from eager.util.errors import EagerError
from eager.util.files import read_json, write_text

FOLDER = Path(__file__).parent
"""Of templates, style, scripts, and captions of figures."""


def report_experiment(experiment: ResolvedExperiment, output: Path) -> None:
    """Write the page of an experiment whose results, tables and figures are made.

    Args:
        experiment: the experiment.
        output: the HTML file.
    """
    write_report(
        shown_targets(experiment),
        stored_tables(experiment.folder / "tables" / STORED),
        [experiment.folder / name for name in figure_names(experiment, "svg")],
        output,
        published=experiment.published is not None,
    )


def write_report(
    targets: list[Target],
    made: Tables,
    figures: list[Path],
    output: Path,
    *,
    published: bool = False,
) -> None:
    """Write the page.

    Args:
        targets: every result of an experiment.
        made: their tables.
        figures: SVG files, in order.
        output: the HTML file.
        published: whether there are published figures to compare with.

    Raises:
        EagerError: no cells, or a result is missing or damaged.
    """
    if not targets:
        raise EagerError("no cells to report; give at least one row in the experiment's TSV")
    cells = by_cell(targets)
    may_be_empty = {"published": published, "seeds": len(made.frame("seeds")) > 0}
    shown = [some for some in made.tables if may_be_empty.get(some.name, True)]
    data = collect(cells)
    words = _captions()
    text = render(
        "report.html.j2",
        title=f"EAGer: {targets[0].cell['experiment']}",
        conclusion=made.conclusion,
        warnings=[line for target in targets for line in _warnings(target)],
        tables=[table(some) for some in shown],
        figures=[figure(path, words) for path in figures],
        provenance=[provenance(cell) for cell in cells],
        left_out=f"{data.left_out:,}" if data.left_out else "",
        index=data.index,
        packs=data.packs,
        **_own_code(),
    )
    write_text(output, text)


def _warnings(target: Target) -> list[str]:
    """What its evaluation has warned of, each with the result's name."""
    names = target.cell["model"], target.cell["dataset"], target.method
    found = read_json(Path(target.metrics)).get("warnings", [])
    return [f"{', '.join(names)}, {cell_label(target.cell)}: {line}" for line in found]


def render(template: str, **values: Any) -> str:
    """One of this package's templates, filled in; every value is escaped.

    Args:
        template: name of the file.
        values: what it asks for; all of it, or jinja2 raises an error.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("eager.report.page", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    return environment.get_template(template).render(values)


def _own_code() -> dict[str, str]:
    """Style, script, and a policy under which the browser runs that script and loads nothing."""
    style, script = _asset("style.css"), _asset("stored.js") + _asset("explorer.js")
    return {
        "style": style,
        "script": script,
        "policy": (
            f"default-src 'none'; img-src data:; style-src 'sha256-{_digest(style)}'; "
            f"script-src 'sha256-{_digest(script)}'; base-uri 'none'; form-action 'none'"
        ),
    }


def _asset(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _captions() -> dict[str, str]:
    """A text per figure, on one line each."""
    paths = sorted(FOLDER.glob("captions/*.rst"))
    return {path.stem: " ".join(path.read_text(encoding="utf-8").split()) for path in paths}


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
