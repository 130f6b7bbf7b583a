"""The command `eager check-machine`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

MODEL = Path("results/models/SmolLM2-135M-Instruct/manifest.json")
PROMPTS = Path("results/demo/SmolLM2-135M-Instruct/arithmetic/prompts.parquet")


def check_machine(
    model_manifest: Annotated[Path, typer.Option(help="of the demo's model")] = MODEL,
    prompts: Annotated[Path, typer.Option(help="of the demo, encoded for it")] = PROMPTS,
    output: Annotated[Path, typer.Option(help="folder of the page")] = Path("results/gpu-check"),
) -> None:
    """Check that this machine generates what it should, and how fast; minutes.

    Ends with 0 if all is ok, 1 if something differs, 3 if something is missing.
    """
    from eager.monitor.machine.check import Check

    check = Check(model_manifest, prompts, output, typer.echo)
    raise typer.Exit(check.run())
