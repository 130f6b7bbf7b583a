"""Commands that bring committed files up to date with what they are made from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eager.errors import EagerError

Check = Annotated[bool, typer.Option(help="only say what has drifted; exit 1 if so")]


def schemas(check: Check = False) -> None:
    """Write the JSON schemas and the tables of config/README.md from the models."""
    from eager.schemas import write_schemas

    _tell(write_schemas(check=check), check, "eager schemas")


def readme(check: Check = False) -> None:
    """Write the DAG, the demo's table and its figure in README.md (after `make demo`)."""
    from eager.readme import write_readme

    _tell(write_readme(check=check), check, "eager readme")


def deviations(
    check: Check = False,
    record: Annotated[
        bool, typer.Option(help="record the model's side anew first (minutes; after `make demo`)")
    ] = False,
) -> None:
    """Write the page on what deviates from the authors' code, with measured effects."""
    from eager.deviations.page import RECORDING, write_page
    from eager.deviations.record import record as make_recording

    if record:
        make_recording(Path("results"), RECORDING)
    _tell(write_page(check=check), check, "eager deviations")


def _tell(drifted: list[Path], check: bool, command: str) -> None:
    for path in drifted:
        typer.echo(f"{'differs' if check else 'written'}: {path}")
    if check and drifted:
        raise EagerError(f"run `{command}` and commit the result")
