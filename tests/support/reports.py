"""Figures and report page of synthetic runs, as the rules make them."""

from __future__ import annotations

from pathlib import Path

from eager.config.settings import USUAL_RIVALS, RivalSettings
from eager.report.figures.draw import FIGURES, draw_figures
from eager.report.page.page import write_report
from eager.report.results import CellResults
from eager.report.tables.experiment import tables_of
from eager.report.tables.stored import Tables
from eager.util.files import read_json


def tables_of_cells(cells: list[CellResults], rivals: RivalSettings = USUAL_RIVALS) -> Tables:
    """The tables of synthetic cells."""
    results = [
        (cell.cell, method, read_json(cell.file(method, "metrics.json")))
        for cell in cells
        for method in cell.methods
    ]
    return tables_of(results, None, rivals)


def make_report(folder: Path, cells: list[CellResults]) -> Path:
    """Write the report of synthetic cells, with their figures; its path."""
    draw_figures(cells, None, folder / "figures")
    figures = [folder / f"figures/{name}.svg" for name in FIGURES]
    write_report(cells, tables_of_cells(cells), figures, folder / "report.html")
    return folder / "report.html"
