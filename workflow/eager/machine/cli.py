"""The commands `eager check-machine` and `eager tune`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eager.config.settings import NumberFormat

MODEL = Path("results/models/SmolLM2-135M-Instruct/manifest.json")
PROMPTS = Path("results/demo/SmolLM2-135M-Instruct/arithmetic/prompts.parquet")

app = typer.Typer()


@app.command()
def check_machine(
    model_manifest: Annotated[Path, typer.Option(help="of the demo's model")] = MODEL,
    prompts: Annotated[Path, typer.Option(help="of the demo, encoded for it")] = PROMPTS,
    output: Annotated[Path, typer.Option(help="folder of the page")] = Path("results/gpu-check"),
) -> None:
    """Check that this machine generates what it should, and how fast; minutes.

    Ends with 0 if all is ok, 1 if something differs, 3 if something is missing.
    """
    from eager.machine.check import Check

    raise typer.Exit(Check(model_manifest, prompts, output, typer.echo).run())


@app.command()
def tune(
    model_manifest: Annotated[Path, typer.Option(help="JSON file: source, revision, hashes")],
    prompts: Annotated[Path, typer.Option(help="prompts.parquet")],
    output: Annotated[Path, typer.Option(help="YAML file to write")],
    dtype: Annotated[NumberFormat, typer.Option(help="number format, as in the models file")] = (
        "auto"
    ),
    max_tokens: Annotated[
        int | None, typer.Option(help="tokens per answer; left out: what the context has")
    ] = None,
    seconds: Annotated[float, typer.Option(help="of the trial, without loading the model")] = 60,
) -> None:
    """Choose engine options for this machine and a model by a trial of a minute."""
    from eager.machine.tuning import tune as run
    from eager.util.files import write_text

    text = run(model_manifest, prompts, dtype, max_tokens, seconds)
    write_text(output, text)
    typer.echo(f"{text}written: {output}")
