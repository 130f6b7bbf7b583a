"""`python -m tools.deviations`: the page on what deviates from the authors' code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tools.deviations.page import RECORDING, write_page
from tools.deviations.record import record as make_recording
from tools.docs.__main__ import Check, report_changes


def deviations(
    check: Check = False,
    record: Annotated[
        bool, typer.Option(help="record the model's side again first (minutes; after `make demo`)")
    ] = False,
) -> None:
    """Write the page on what deviates from the authors' code, with measured effects."""
    if record:
        make_recording(Path("results"), RECORDING)
    report_changes(write_page(check=check), check, "python -m tools.deviations")


if __name__ == "__main__":
    typer.run(deviations)
