"""Figures and report page of synthetic runs, as the rules make them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from eager.config.experiment import Target
from eager.config.settings import USUAL_RIVALS, RivalSettings
from eager.report.figures.draw import draw_figures
from eager.report.figures.names import TITLES
from eager.report.page.page import write_report
from eager.report.tables.experiment import tables_of
from eager.report.tables.stored import Tables
from eager.report.tables.summary import read_results


def tables_of_targets(targets: Sequence[Target], rivals: RivalSettings = USUAL_RIVALS) -> Tables:
    """The tables of synthetic results."""
    return tables_of(read_results(targets), None, rivals)


def make_report(folder: Path, targets: Sequence[Target]) -> Path:
    """Write the report of synthetic results, with their figures; its path."""
    made = tables_of_targets(targets)
    draw_figures([*targets], made, None, folder / "figures")
    figures = [folder / f"figures/{name}.svg" for name in TITLES]
    write_report([*targets], made, figures, folder / "report.html")
    return folder / "report.html"
