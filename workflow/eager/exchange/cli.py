"""Commands for the authors' files and users: `eager export`, `eager import`, `eager run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eager.config.environment import SANDBOX_VARIABLE
from eager.config.settings import KINDS
from eager.exchange.archive.cli import app as archive_commands
from eager.util.errors import EagerError
from eager.util.logs import LogOption, logged_step

app = typer.Typer()
app.add_typer(archive_commands)


@app.command()
def export(
    experiment: Annotated[Path, typer.Option(help="experiment.json, which the workflow writes")],
    output: Annotated[Path, typer.Option(help="folder to write")],
    log: LogOption = None,
) -> None:
    """Write results as JSON files of the authors' implementation."""
    from eager.config.experiment import read_experiment
    from eager.exchange.export import export_results

    with logged_step(log) as terminal:
        found = read_experiment(experiment)
        templates = {name: entry.prompt_template for name, entry in found.datasets.items()}
        export_results(found.targets, templates, output, lambda line: print(line, file=terminal))


@app.command("import")
def import_(
    source: Annotated[
        Path, typer.Argument(help="result file of the authors' implementation, or a run's folder")
    ],
    output: Annotated[
        Path, typer.Option(help="folder to write: a result, or an experiment if SOURCE is a folder")
    ],
    kind: Annotated[str, typer.Option(help="math, choice or code")] = "math",
    tokenizer: Annotated[
        Path | None, typer.Option(help="folder of the model's tokenizer, for true token counts")
    ] = None,
    tasks: Annotated[
        Path | None, typer.Option(help="the data set's tasks.jsonl: prompt ids, tests of programs")
    ] = None,
    model: Annotated[str | None, typer.Option(help="name for the model; else the file's")] = None,
    dataset: Annotated[
        str | None, typer.Option(help="name for the data set; else the file's")
    ] = None,
    code: Annotated[str, typer.Option(help="how texts become programs, as JSON")] = "{}",
    sandbox: Annotated[
        str, typer.Option(help="how programs are run, as JSON", envvar=SANDBOX_VARIABLE)
    ] = "{}",
    cache: Annotated[Path, typer.Option(help="folder of programs' stored results")] = Path(
        "results/sandbox"
    ),
    log: LogOption = None,
) -> None:
    """Read results of the authors' implementation; evaluate and measure them."""
    from eager.evaluation.programs import CodeOptions
    from eager.exchange.import_ import ImportOptions, import_folder, import_result
    from eager.sandbox.settings import SandboxSettings
    from eager.util.validation import read_options

    if kind not in KINDS:
        raise EagerError(f"--kind {kind}: write one of {', '.join(KINDS)}")
    options = ImportOptions(
        kind=kind,
        tokenizer=tokenizer,
        tasks=tasks,
        model=model,
        dataset=dataset,
        code=read_options(CodeOptions, code, "--code"),
        sandbox=read_options(SandboxSettings, sandbox, "--sandbox"),
        cache=cache,
    )
    with logged_step(log) as terminal:
        run = import_folder if source.is_dir() else import_result
        run(source, options, output, lambda line: print(line, file=terminal))
