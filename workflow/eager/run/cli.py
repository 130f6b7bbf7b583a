"""The command `eager run`."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand

app = typer.Typer()


class RunCommand(TyperCommand):
    """A command whose words are left to `parse_run`: lists after a flag are not Typer's."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the words as they are."""
        ctx.args = list(args)
        return list(args)


@app.command(cls=RunCommand)
def run(context: typer.Context) -> None:
    """Run one model on one data set; takes the flags of the authors' program too."""
    from eager.run.experiment import run_experiment
    from eager.run.options import parse_run

    raise SystemExit(run_experiment(parse_run(context.args), typer.echo))
