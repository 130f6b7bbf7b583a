"""The commands `eager export`, `import`, `archive` and `verify`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from eager.config.environment import SANDBOX_VARIABLE
from eager.config.settings import KINDS
from eager.util.errors import EagerError
from eager.util.logs import LogOption, logged_step

app = typer.Typer()


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
