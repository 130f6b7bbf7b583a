"""Where results lie: the folder of a cell and of a method in it, and those of other programs."""

from __future__ import annotations

from pathlib import Path

from eager.config.schema import Cell
from eager.config.settings import DEFAULT_RULE, Method

STORE = Path("results/store")
"""Finished prompts of all experiments."""
SEPARATOR = "+"
"""Between a folder's parts. A comma would cut the name where Snakemake hands it, as the value of
a wildcard, to a job of a cluster."""


def cell_folder(cell: Cell) -> str:
    """Folder of a cell, as in `temperature=0.6+max_sequences=4+seed=55+entropy_threshold=2.0`.

    A rule that is not the default one is named last.
    """
    name = _named(cell, "temperature", "max_sequences", "seed", "entropy_threshold")
    return name if cell.rule == DEFAULT_RULE else f"{name}{SEPARATOR}rule={cell.rule}"


def result_folder(experiment: str, cell: Cell, method: Method) -> str:
    """Where the result of a method in a cell lies.

    Full Parallel knows neither theta nor rule, and its samples of a smaller M are the first of a
    larger one: cells that differ in these share its folder.
    """
    place = _named(cell, "temperature", "seed") if method == "parallel" else cell_folder(cell)
    return f"results/{experiment}/{cell.model}/{cell.dataset}/{place}/{method}"


def imported_folder(cell: Cell, method: Method) -> str:
    """Where an imported result lies among others: Full Parallel is drawn apart for each M."""
    sampling = _named(cell, "temperature", "max_sequences", "seed")
    place = sampling if method == "parallel" else cell_folder(cell)
    return f"{cell.model}/{cell.dataset}/{place}/{method}"


def metrics_name(cell: Cell, method: Method) -> str:
    """Name of metrics.json in the folder of a result: of Full Parallel with M."""
    view = f"{SEPARATOR}{_named(cell, 'max_sequences')}" if method == "parallel" else ""
    return f"metrics{view}.json"


def _named(cell: Cell, *columns: str) -> str:
    return SEPARATOR.join(f"{column}={getattr(cell, column)}" for column in columns)
