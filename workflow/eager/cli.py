"""The command line: one subcommand a rule; it parses, calls one module, and reports mistakes."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter

from eager.config.environment import ENGINE_VARIABLE, SANDBOX_VARIABLE
from eager.config.settings import NumberFormat
from eager.containers.cli import LaunchCommand, launch
from eager.containers.cli import app as images_app
from eager.exchange.archive.cli import archive, verify
from eager.generation.progress import Progress
from eager.monitor.cli import register as register_monitoring
from eager.sandbox.cli import app as sandbox_app
from eager.util.errors import EagerError
from eager.util.logs import logged_step

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="EAGer, entropy-aware generation. Each command is one step of the workflow.",
)

app.add_typer(sandbox_app)
app.add_typer(images_app)
register_monitoring(app)
for command in (archive, verify):
    app.command()(command)
app.command(cls=LaunchCommand)(launch)

Log = Annotated[Path | None, typer.Option(help="file for everything the step prints")]
Name = Annotated[str, typer.Option(help="name in the configuration")]
Entry = Annotated[str, typer.Option(help="the entry of that name, as JSON")]
Manifest = Annotated[Path, typer.Option(help="JSON file: source, revision, hashes")]
Tasks = Annotated[Path, typer.Option(help="tasks as JSON lines")]
Settings = Annotated[str, typer.Option(help="decoding settings, as JSON")]
Prompts = Annotated[Path, typer.Option(help="prompts.parquet")]
Allocation = Annotated[Path | None, typer.Option(help="allocation.json")]
Initial = Annotated[Path | None, typer.Option(help="folder of eager_init's result")]
Sequences = Annotated[Path, typer.Option(help="sequences.parquet")]
Verdicts = Annotated[Path, typer.Option(help="verdicts.parquet")]
Cells = Annotated[str, typer.Option(help="the cells and where their results lie, as JSON")]
Output = Annotated[Path, typer.Option(help="file to write")]
Rows = Annotated[str, typer.Option(help="cell, method and metrics file of each row, as JSON")]
Csv = Annotated[Path, typer.Option(help="table as CSV")]
Markdown = Annotated[Path, typer.Option(help="table as Markdown")]
Latex = Annotated[Path, typer.Option(help="table as LaTeX (booktabs)")]


@app.command()
def fetch_model(
    name: Name,
    entry: Entry,
    folder: Annotated[Path, typer.Option(help="where the files go")],
    manifest: Manifest,
    log: Log = None,
) -> None:
    """Put a model's files on disk (needs the network unless it is local)."""
    from eager.config.schema import ModelEntry
    from eager.data.models import fetch_model as run

    with logged_step(log):
        run(name, ModelEntry.model_validate_json(entry), folder, manifest)


@app.command()
def fetch_dataset(
    name: Name, entry: Entry, tasks: Tasks, manifest: Manifest, log: Log = None
) -> None:
    """Write a data set's tasks (needs the network unless it is local)."""
    from eager.config.schema import DatasetEntry
    from eager.data.tasks import fetch_tasks

    with logged_step(log):
        fetch_tasks(name, DatasetEntry.model_validate_json(entry), tasks, manifest)


@app.command()
def encode_prompts(
    tasks: Tasks,
    model_manifest: Manifest,
    model: Annotated[str, typer.Option(help="the model's entry, as JSON")],
    dataset: Annotated[str, typer.Option(help="the data set's entry, as JSON")],
    output: Output,
    log: Log = None,
) -> None:
    """Turn tasks into a model's token ids; finds prompts that do not fit."""
    from eager.config.schema import DatasetEntry, ModelEntry
    from eager.data.encoding import encode_prompts as run
    from eager.data.tasks import read_tasks
    from eager.util.files import model_folder

    with logged_step(log):
        run(
            read_tasks(tasks),
            model_folder(model_manifest),
            ModelEntry.model_validate_json(model),
            DatasetEntry.model_validate_json(dataset),
            output,
        )


@app.command()
def generate(
    settings: Settings,
    model_manifest: Manifest,
    prompts: Prompts,
    output: Annotated[Path, typer.Option(help="folder of the result")],
    engine: Annotated[
        str, typer.Option(help="engine options, as JSON", envvar=ENGINE_VARIABLE)
    ] = "{}",
    allocation: Allocation = None,
    initial: Initial = None,
    shard: Annotated[
        str | None, typer.Option(help="part of the prompts, such as 1-of-4; none: the whole result")
    ] = None,
    tensor_parallel_size: Annotated[
        int | None, typer.Option(help="GPUs that share the model; none: as in the engine options")
    ] = None,
    log: Log = None,
) -> None:
    """Generate the sequences of one method in one cell, or those of a shard."""
    from eager.config.settings import DecodingSettings, EngineOptions
    from eager.generation.gather import generate_whole
    from eager.generation.shard_job import generate as run
    from eager.generation.shards import Shard
    from eager.generation.work import Inputs

    decoding = DecodingSettings.model_validate_json(settings)
    options = EngineOptions.model_validate_json(engine)
    if tensor_parallel_size is not None:
        options = options.model_copy(update={"tensor_parallel_size": tensor_parallel_size})
    inputs = Inputs(model_manifest, prompts, allocation, initial)
    label = f"{decoding.method} {model_manifest.parent.name} {prompts.parent.name}"
    with logged_step(log) as people:
        if shard is None:
            progress_for = partial(Progress, label, stream=people)
            generate_whole(decoding, options, inputs, output, progress_for)
        else:
            progress_for = partial(Progress, f"{label} {shard}", stream=people)
            run(decoding, options, inputs, output, Shard.parse(shard), progress_for)


@app.command()
def gather(
    settings: Settings,
    model_manifest: Manifest,
    prompts: Prompts,
    receipt: Annotated[list[Path], typer.Option(help="what each shard has written")],
    output: Annotated[Path, typer.Option(help="folder of the gathered result")],
    allocation: Allocation = None,
    initial: Initial = None,
    log: Log = None,
) -> None:
    """Put the prompts of all shards together, in the order of the prompts."""
    from eager.config.settings import DecodingSettings
    from eager.generation.gather import gather as run
    from eager.generation.work import Inputs

    with logged_step(log):
        decoding = DecodingSettings.model_validate_json(settings)
        run(decoding, Inputs(model_manifest, prompts, allocation, initial), receipt, output)


@app.command()
def keep(
    gathered: Annotated[Path, typer.Option(help="folder of the gathered result")],
    output: Annotated[Path, typer.Option(help="folder of the result")],
    log: Log = None,
) -> None:
    """Copy a gathered result to its place and delete its journal."""
    from eager.generation.gather import keep as run

    with logged_step(log):
        run(gathered, output)


@app.command()
def evaluate(
    sequences: Sequences,
    tasks: Tasks,
    output: Output,
    code: Annotated[str, typer.Option(help="how texts become programs, as JSON")] = "{}",
    sandbox: Annotated[
        str, typer.Option(help="how programs are run, as JSON", envvar=SANDBOX_VARIABLE)
    ] = "{}",
    cache: Annotated[Path, typer.Option(help="folder of programs' stored results")] = Path(
        "results/sandbox"
    ),
    log: Log = None,
) -> None:
    """Evaluate every sequence of a result; programs run in a sandbox only."""
    from eager.evaluation.evaluate import evaluate as run
    from eager.evaluation.programs import CodeOptions
    from eager.sandbox.settings import SandboxSettings

    with logged_step(log):
        run(
            sequences,
            tasks,
            output,
            CodeOptions.model_validate_json(code),
            SandboxSettings.model_validate_json(sandbox),
            cache,
        )


@app.command()
def allocate(
    method: Annotated[str, typer.Option(help="eager_adapt or eager")],
    sequences: Sequences,
    max_sequences: Annotated[int, typer.Option(help="M")],
    entropy_threshold: Annotated[float, typer.Option(help="theta, in nats")],
    output: Output,
    verdicts: Annotated[Path | None, typer.Option(help="verdicts.parquet, for eager")] = None,
    log: Log = None,
) -> None:
    """Share the budget that EAGer-init saved, and adapt thresholds."""
    from eager.algorithm.allocation import BudgetMethod
    from eager.generation.budget import write_allocation

    with logged_step(log):
        chosen: BudgetMethod = TypeAdapter(BudgetMethod).validate_python(method)
        write_allocation(chosen, sequences, verdicts, max_sequences, entropy_threshold, output)


@app.command()
def measure(
    method: Annotated[str, typer.Option(help="the result's method")],
    sequences: Sequences,
    verdicts: Verdicts,
    run: Annotated[list[Path], typer.Option(help="run.json of each generation in the result")],
    output: Output,
    log: Log = None,
) -> None:
    """Write the metrics of one result."""
    from eager.evaluation.measure import write_metrics

    with logged_step(log):
        write_metrics(method, sequences, verdicts, run, output)


@app.command()
def summarize(rows: Rows, csv: Csv, markdown: Markdown, latex: Latex, log: Log = None) -> None:
    """Collect metrics into the summary table."""
    from eager.report.tables.rendering import TableFiles
    from eager.report.tables.summary import SummaryRow, write_summary

    with logged_step(log):
        files = TableFiles(csv=csv, markdown=markdown, latex=latex)
        write_summary(TypeAdapter(list[SummaryRow]).validate_json(rows), files)


@app.command()
def compare(rows: Rows, csv: Csv, markdown: Markdown, latex: Latex, log: Log = None) -> None:
    """Compare each method with parallel on the same prompts."""
    from eager.report.tables.rendering import TableFiles
    from eager.report.tables.summary import SummaryRow, write_comparison

    with logged_step(log):
        files = TableFiles(csv=csv, markdown=markdown, latex=latex)
        write_comparison(TypeAdapter(list[SummaryRow]).validate_json(rows), files)


@app.command()
def compare_published(
    rows: Rows,
    csv: Csv,
    markdown: Markdown,
    latex: Latex,
    published: Annotated[Path | None, typer.Option(help="CSV file of published figures")] = None,
    log: Log = None,
) -> None:
    """Put published figures beside ours."""
    from eager.report.tables.rendering import TableFiles
    from eager.report.tables.summary import SummaryRow, write_published

    with logged_step(log):
        files = TableFiles(csv=csv, markdown=markdown, latex=latex)
        write_published(TypeAdapter(list[SummaryRow]).validate_json(rows), published, files)


@app.command()
def tune(
    model_manifest: Manifest,
    prompts: Prompts,
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
    from eager.generation.tuning import tune as run
    from eager.util.files import write_text

    text = run(model_manifest, prompts, dtype, max_tokens, seconds)
    write_text(output, text)
    typer.echo(f"{text}written: {output}")


@app.command()
def export(
    rows: Annotated[str, typer.Option(help="the results to export, as JSON")],
    output: Annotated[Path, typer.Option(help="folder to write")],
    log: Log = None,
) -> None:
    """Write results as JSON files of the authors' implementation."""
    from eager.exchange.export import ExportRow, export_results

    with logged_step(log):
        export_results(TypeAdapter(list[ExportRow]).validate_json(rows), output)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Option(help="result file of the authors' implementation")],
    output: Annotated[Path, typer.Option(help="folder of the result to write")],
    kind: Annotated[str, typer.Option(help="math or choice")] = "math",
    tokenizer: Annotated[
        Path | None, typer.Option(help="tokenizer, for files without entropies")
    ] = None,
    log: Log = None,
) -> None:
    """Read a result file of the authors' implementation; evaluate and measure it."""
    from eager.exchange.import_ import import_result

    if kind not in ("math", "choice"):
        raise EagerError(f"--kind {kind}: write math or choice")
    with logged_step(log):
        import_result(file, kind, output, tokenizer)


@app.command()
def figures(
    cells: Cells,
    folder: Annotated[Path, typer.Option(help="where the figures go")],
    prefix: Annotated[str, typer.Option(help="how their names begin")] = "",
    published: Annotated[Path | None, typer.Option(help="published figures, as CSV")] = None,
    log: Log = None,
) -> None:
    """Draw the figures of one model and data set, as SVG and PNG."""
    from eager.report.figures.draw import draw_figures
    from eager.report.results import CellResults

    with logged_step(log):
        draw_figures(TypeAdapter(list[CellResults]).validate_json(cells), published, folder, prefix)


@app.command()
def report(
    cells: Cells,
    table: Annotated[list[Path], typer.Option(help="CSV tables; summary.csv among them")],
    figure: Annotated[list[Path], typer.Option(help="SVG figures, in order")],
    caption: Annotated[list[Path], typer.Option(help="captions, a text file a kind of figure")],
    output: Output,
    log: Log = None,
) -> None:
    """Write the report: one HTML file with tables, figures and the branch explorer."""
    from eager.report.page.page import write_report
    from eager.report.results import CellResults

    with logged_step(log):
        found = TypeAdapter(list[CellResults]).validate_json(cells)
        write_report(found, table, figure, caption, output)


def main() -> None:
    """Entry point: mistakes of the user end in a message and the error's exit code."""
    try:
        app()
    except EagerError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None


if __name__ == "__main__":
    main()
