"""The command line: one subcommand per rule; it parses, calls one module, and reports mistakes."""

from __future__ import annotations

import sys
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

from eager.config.environment import ENGINE_VARIABLE, SANDBOX_VARIABLE
from eager.config.paths import STORE
from eager.containers.cli import app as containers_commands
from eager.exchange.cli import app as exchange_commands
from eager.machine.cli import app as machine_commands
from eager.progress.cli import app as progress_commands
from eager.run.cli import app as run_commands
from eager.sandbox.cli import app as sandbox_commands
from eager.util.errors import EagerError
from eager.util.files import places_told
from eager.util.logs import LogOption, logged_step

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="EAGer, entropy-aware generation. Each command is one step of the workflow.",
)

for commands in (
    containers_commands,
    exchange_commands,
    machine_commands,
    progress_commands,
    run_commands,
    sandbox_commands,
):
    app.add_typer(commands)

ExperimentFile = Annotated[Path, typer.Option(help="experiment.json, which the workflow writes")]
ResultFolder = Annotated[str, typer.Option(help="folder of the result, as in experiment.json")]
EntryName = Annotated[str, typer.Option(help="name in the configuration")]
Manifest = Annotated[Path, typer.Option(help="JSON file: source, revision, hashes")]
Tasks = Annotated[Path, typer.Option(help="tasks as JSON lines")]
Prompts = Annotated[Path, typer.Option(help="prompts.parquet")]
Output = Annotated[Path, typer.Option(help="file to write")]
StoreFolder = Annotated[Path, typer.Option(help="folder of finished prompts")]


@app.command()
def fetch_model(
    experiment: ExperimentFile,
    name: EntryName,
    folder: Annotated[Path, typer.Option(help="where the files go")],
    manifest: Manifest,
    log: LogOption = None,
) -> None:
    """Put a model's files on disk (needs the network unless it is local)."""
    from eager.config.experiment import read_experiment
    from eager.data.models import fetch_model as run

    with logged_step(log):
        run(name, read_experiment(experiment).models[name], folder, manifest)


@app.command()
def fetch_dataset(
    experiment: ExperimentFile,
    name: EntryName,
    tasks: Tasks,
    manifest: Manifest,
    log: LogOption = None,
) -> None:
    """Write a data set's tasks (needs the network unless it is local)."""
    from eager.config.experiment import read_experiment
    from eager.data.tasks import fetch_tasks

    with logged_step(log):
        fetch_tasks(name, read_experiment(experiment).datasets[name], tasks, manifest)


@app.command()
def encode_prompts(
    experiment: ExperimentFile,
    model: Annotated[str, typer.Option(help="the model's name")],
    dataset: Annotated[str, typer.Option(help="the data set's name")],
    tasks: Tasks,
    model_manifest: Manifest,
    output: Output,
    log: LogOption = None,
) -> None:
    """Turn tasks into a model's token ids; finds prompts that do not fit."""
    from eager.config.experiment import read_experiment
    from eager.data.encoding import encode_prompts as run
    from eager.data.models import model_folder
    from eager.data.tasks import read_tasks

    with logged_step(log):
        found = read_experiment(experiment)
        entries = found.models[model], found.datasets[dataset]
        folder = model_folder(model_manifest, weights=False)
        run(read_tasks(tasks), folder, *entries, output)


@app.command()
def generate(
    experiment: ExperimentFile,
    result: ResultFolder,
    engine: Annotated[
        str, typer.Option(help="engine options, as JSON", envvar=ENGINE_VARIABLE)
    ] = "{}",
    shard: Annotated[
        str | None, typer.Option(help="part of the prompts, such as 1-of-4; none: the whole result")
    ] = None,
    tensor_parallel_size: Annotated[
        int | None, typer.Option(help="GPUs that share the model; none: as in the engine options")
    ] = None,
    store: StoreFolder = STORE,
    log: LogOption = None,
) -> None:
    """Generate the sequences of one method in one cell, or those of a shard."""
    from eager.config.experiment import read_experiment
    from eager.config.settings import EngineOptions
    from eager.generation.gather import generate_whole
    from eager.generation.progress import Progress
    from eager.generation.shard_job import generate as run
    from eager.generation.shards import Shard
    from eager.generation.work import read_work
    from eager.util.validation import read_options

    with logged_step(log) as terminal:
        options = read_options(EngineOptions, engine, "--engine")
        if tensor_parallel_size is not None:
            options = options.model_copy(update={"tensor_parallel_size": tensor_parallel_size})
        target = read_experiment(experiment).target(result)
        label = " ".join([target.method, target.cell["model"], target.cell["dataset"]])
        progress_for = partial(Progress, f"{label} {shard or ''}".strip(), stream=terminal)
        if shard is None:
            generate_whole(target, options, progress_for, store)
        else:
            run(target, read_work(target), options, Shard.parse(shard), progress_for, store)


@app.command()
def gather(
    done: Annotated[list[Path], typer.Argument(help="what each shard has written")],
    experiment: ExperimentFile,
    result: ResultFolder,
    store: StoreFolder = STORE,
    log: LogOption = None,
) -> None:
    """Put the prompts of all shards together, in the order of the prompts."""
    from eager.config.experiment import read_experiment
    from eager.generation.gather import gather as run
    from eager.generation.work import read_work

    with logged_step(log):
        target = read_experiment(experiment).target(result)
        run(target, read_work(target), done, store)


@app.command()
def evaluate(
    experiment: ExperimentFile,
    result: ResultFolder,
    sandbox: Annotated[
        str, typer.Option(help="how programs are run, as JSON", envvar=SANDBOX_VARIABLE)
    ] = "{}",
    workers: Annotated[
        int, typer.Option(help="programs at a time if --sandbox does not say; 0: one per core")
    ] = 0,
    cache: Annotated[Path, typer.Option(help="folder of programs' stored results")] = Path(
        "results/sandbox"
    ),
    log: LogOption = None,
) -> None:
    """Evaluate every sequence of a result; programs run in a sandbox only."""
    from eager.config.experiment import read_experiment
    from eager.evaluation.evaluate import evaluate as run
    from eager.evaluation.programs import CodeOptions
    from eager.sandbox.settings import SandboxSettings
    from eager.util.validation import read_options

    with logged_step(log) as terminal:
        settings = read_options(SandboxSettings, sandbox, "--sandbox")
        settings = settings.model_copy(update={"workers": settings.workers or workers})
        target = read_experiment(experiment).target(result)
        for line in run(target, CodeOptions.model_validate(target.program), settings, cache):
            print(f"warning: {result}: {line}", file=terminal)


@app.command()
def allocate(experiment: ExperimentFile, result: ResultFolder, log: LogOption = None) -> None:
    """Share the budget that EAGer-init saved, and adapt thresholds."""
    from eager.config.experiment import read_experiment
    from eager.generation.budget import allocate_for

    with logged_step(log):
        allocate_for(read_experiment(experiment).target(result))


@app.command()
def measure(
    experiment: ExperimentFile,
    metrics: Annotated[str, typer.Option(help="metrics.json, as in experiment.json")],
    log: LogOption = None,
) -> None:
    """Write the metrics of one result."""
    from eager.config.experiment import read_experiment
    from eager.evaluation.measure import measure_target

    with logged_step(log):
        measure_target(read_experiment(experiment).target(metrics))


@app.command()
def tables(
    experiment: ExperimentFile,
    folder: Annotated[Path, typer.Option(help="where the tables go")],
    log: LogOption = None,
) -> None:
    """Write every table of an experiment, and what they say in words."""
    from eager.config.experiment import read_experiment
    from eager.report.tables.experiment import write_experiment

    with logged_step(log):
        write_experiment(read_experiment(experiment), folder)


@app.command()
def figures(
    experiment: ExperimentFile,
    model: Annotated[str, typer.Option(help="the model's name")],
    dataset: Annotated[str, typer.Option(help="the data set's name")],
    folder: Annotated[Path, typer.Option(help="where the figures go")],
    log: LogOption = None,
) -> None:
    """Draw the figures of one model and data set, as SVG and PNG."""
    from eager.config.experiment import read_experiment
    from eager.report.figures.draw import draw_figures
    from eager.report.results import shown_targets
    from eager.report.tables.names import STORED
    from eager.report.tables.stored import stored_tables

    with logged_step(log):
        found = read_experiment(experiment)
        made = stored_tables(found.folder / "tables" / STORED)
        draw_figures(shown_targets(found, model, dataset), made, found.published, folder)


@app.command()
def report(experiment: ExperimentFile, output: Output, log: LogOption = None) -> None:
    """Write the report: one HTML file with tables, figures and the branch explorer."""
    from eager.config.experiment import read_experiment
    from eager.report.page.page import report_experiment

    with logged_step(log):
        report_experiment(read_experiment(experiment), output)


def main() -> None:
    """Entry point: mistakes of the user end in a message and the error's exit code."""
    if isinstance(sys.stdout, TextIOWrapper):
        # The terminal's encoding may lack a character of a name or a text.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with places_told():
            app()
    except EagerError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None


if __name__ == "__main__":
    main()
