"""Where results lie: the folder of a cell and of a method in it, and those of other programs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from eager.config.schema import Cell
from eager.config.settings import DEFAULT_RULE, Method
from eager.util.errors import EagerError

STORE = Path("results/store")
"""Finished prompts of all experiments."""
SAMPLING_COLUMNS = ("temperature", "max_sequences", "seed")
SEPARATOR = "+"
"""Between a folder's parts. A comma would cut the name where Snakemake hands it, as the value of
a wildcard, to a job of a cluster."""


def sampling_folder(cell: Cell) -> str:
    """Folder of a cell by what Full Parallel depends on: neither threshold nor rule."""
    return SEPARATOR.join(f"{column}={getattr(cell, column)}" for column in SAMPLING_COLUMNS)


def cell_folder(cell: Cell) -> str:
    """Folder of a cell, as in `temperature=0.6+max_sequences=4+seed=55+entropy_threshold=2.0`.

    A rule that is not the default one is named last.
    """
    parts = [sampling_folder(cell), f"entropy_threshold={cell.entropy_threshold}"]
    if cell.rule != DEFAULT_RULE:
        parts.append(f"rule={cell.rule}")
    return SEPARATOR.join(parts)


def result_folder(experiment: str, cell: Cell, method: Method) -> str:
    """Where the result of a method in a cell lies.

    Cells that differ in theta or rule share that of `parallel`.
    """
    place = sampling_folder(cell) if method == "parallel" else cell_folder(cell)
    return f"results/{experiment}/{cell.model}/{cell.dataset}/{place}/{method}"


def imported_files(folders: Iterable[str]) -> list[Path]:
    """metrics.json of every result that `eager import` wrote to some folders, in order of names.

    Raises:
        EagerError: a folder holds none.
    """
    files: list[Path] = []
    for folder in folders:
        found = sorted(Path(folder).rglob("metrics.json"))
        if not found:
            raise EagerError(
                f"imported: {folder}: no result in it; `eager import RUN --output {folder}` writes "
                "some"
            )
        files += found
    return files
