"""The command `eager tune`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eager.settings import NumberFormat


def tune(
    model_manifest: Annotated[Path, typer.Option(help="manifest.json of the model")],
    prompts: Annotated[Path, typer.Option(help="prompts.parquet of a data set, for this model")],
    output: Annotated[Path, typer.Option(help="YAML file to write")],
    dtype: Annotated[NumberFormat, typer.Option(help="number format, as in the models file")] = (
        "auto"
    ),
    max_tokens: Annotated[
        int | None, typer.Option(help="tokens of an answer; left out: what the context has")
    ] = None,
    seconds: Annotated[float, typer.Option(help="of the trial, without loading the model")] = 60,
) -> None:
    """Choose engine options for this machine and a model by a trial of a minute."""
    from eager.files import write_text
    from eager.tuning import tune as run

    text = run(model_manifest, prompts, dtype, max_tokens, seconds)
    write_text(output, text)
    typer.echo(f"{text}written: {output}")
