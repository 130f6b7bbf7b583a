"""The commands `archive` and `verify`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from eager.config.environment import SANDBOX_VARIABLE
from eager.util.logs import LogOption, logged_step

app = typer.Typer()


@app.command()
def archive(
    file: Annotated[list[Path], typer.Argument(help="files to pack besides, as relative paths")],
    experiment: Annotated[Path, typer.Option(help="experiment.json, which the workflow writes")],
    output: Annotated[Path, typer.Option(help="the archive (zip)")],
    log: LogOption = None,
) -> None:
    """Pack a finished experiment as an RO-Crate with checksums (`snakemake archive` calls this)."""
    from eager.config.experiment import read_experiment
    from eager.exchange.archive.crate import make_archive
    from eager.exchange.archive.plan import shown_files

    with logged_step(log):
        found = read_experiment(experiment)
        make_archive(found, [*map(Path, shown_files(found)), *file], output)


@app.command()
def verify(
    archive: Annotated[Path, typer.Argument(help="what `snakemake archive` wrote")],
    run_programs: Annotated[
        bool, typer.Option(help="evaluate programs again too, in a sandbox")
    ] = False,
) -> None:
    """Check every file of an archive and recompute its tables from its sequences."""
    from eager.exchange.archive.verify import verify_archive
    from eager.sandbox.settings import SandboxSettings
    from eager.util.validation import read_options

    sandbox = None
    if run_programs:
        sandbox = read_options(
            SandboxSettings, os.environ.get(SANDBOX_VARIABLE, "{}"), SANDBOX_VARIABLE
        )
    verify_archive(archive, sandbox, typer.echo)
    typer.echo(f"{archive}: verified")
