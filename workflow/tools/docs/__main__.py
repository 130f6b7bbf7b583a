"""`python -m tools.docs`: bring committed documents up to date with what they are made from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eager.util.errors import EagerError
from tools.docs.readme import write_readme
from tools.docs.schemas import write_schemas

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
Check = Annotated[bool, typer.Option(help="only name what is out of date; exit 1 if so")]


@app.command()
def schemas(check: Check = False) -> None:
    """Write the JSON schemas and the tables of config/README.md from the models."""
    report_changes(write_schemas(check=check), check, "python -m tools.docs schemas")


@app.command()
def readme(check: Check = False) -> None:
    """Write the parts of README.md that come from the demo (after `make demo`)."""
    report_changes(write_readme(check=check), check, "python -m tools.docs readme")


def report_changes(changed: list[Path], check: bool, command: str) -> None:
    """Print what was written or, with `check`, what is out of date.

    Raises:
        EagerError: something is out of date.
    """
    for path in changed:
        typer.echo(f"{'differs' if check else 'written'}: {path}")
    if check and changed:
        raise EagerError(f"run `{command}` and commit the result")


if __name__ == "__main__":
    app()
