"""Where results of other programs lie that an experiment shows beside its own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from eager.util.errors import EagerError


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
