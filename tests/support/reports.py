"""Figures and report page of synthetic runs, as the rules make them."""

from __future__ import annotations

from pathlib import Path

from eager.report.figures.draw import FIGURES, draw_figures
from eager.report.page.page import write_report
from eager.report.results import CellResults


def make_report(folder: Path, cells: list[CellResults]) -> Path:
    """Write the report of synthetic cells, with their figures; its path."""
    draw_figures(cells, None, folder / "figures", "synthetic--")
    figures = [folder / f"figures/synthetic--{name}.svg" for name in FIGURES]
    write_report(cells, None, figures, folder / "report.html")
    return folder / "report.html"
