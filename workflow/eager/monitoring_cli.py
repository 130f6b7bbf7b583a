"""Commands for people that look at a whole plan: `eager why`, `eager status`, `eager estimate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_CONFIG = Path("config/demo.yaml")
Configfile = Annotated[Path, typer.Option(help="the experiment, as for `snakemake --configfile`")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(why)


def why(
    target: Annotated[str, typer.Argument(help="a file below results/, or a rule")],
    configfile: Configfile = DEFAULT_CONFIG,
) -> None:
    """Say what would rerun a file, and what has changed."""
    from eager.planning import read_plan
    from eager.why import explain

    typer.echo(explain(read_plan(configfile, frozenset({target})), target))
