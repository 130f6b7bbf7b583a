"""Commands about a plan and its results: `eager status`, `estimate`, `clean`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eager.util.errors import EagerError

if TYPE_CHECKING:
    from eager.config.schema import Experiment

DEFAULT_CONFIG = Path("config/config.yaml")
Configfile = Annotated[Path, typer.Option(help="the experiment, as for `snakemake --configfile`")]


app = typer.Typer()
Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table")]


@app.command()
def status(configfile: Configfile = DEFAULT_CONFIG, json_wanted: Json = False) -> None:
    """Say how far each method is in each cell; also while Snakemake runs."""
    from eager.config.experiment import resolve
    from eager.containers.launch import describe_bare
    from eager.progress.status import as_text, find_results, pending_files

    experiment = _experiment(configfile)
    describe_bare(experiment.config.generate_image, "none")
    results = find_results(resolve(experiment), lambda: pending_files(configfile))
    records = [asdict(result) for result in results]
    typer.echo(json.dumps(records, indent=2) if json_wanted else as_text(results))


@app.command()
def clean(
    dry_run: Annotated[bool, typer.Option(help="delete nothing, only say what would go")] = False,
) -> None:
    """Delete finished prompts that no result in results/ was made of."""
    from eager.config.paths import STORE
    from eager.progress.clean import clean as run

    done = run(STORE.parent, STORE, dry_run=dry_run)
    verb = "would be deleted" if dry_run else "deleted"
    typer.echo(
        f"{done.entries} prompts {verb} ({done.size / 2**20:.1f} MiB), {done.kept} kept for results"
    )


@app.command()
def estimate(
    configfile: Configfile = DEFAULT_CONFIG,
    tokens_per_second: Annotated[
        list[str] | None,
        typer.Option(help="speed of a GPU: a number, or MODEL=NUMBER; else as in former runs"),
    ] = None,
    load_seconds: Annotated[
        float | None, typer.Option(min=0, help="to load a model; else as in former runs")
    ] = None,
    gpu_hour_price: Annotated[
        float | None, typer.Option(min=0, help="price of a GPU hour, to add the cost")
    ] = None,
    gpus: Annotated[
        int | None, typer.Option(min=1, help="GPUs that run jobs, to add the least time to the end")
    ] = None,
    json_wanted: Json = False,
) -> None:
    """Say what a plan costs: GPU hours, tokens and disk, per cell and in total."""
    from eager.progress.estimate import estimate as cost_of
    from eager.progress.estimate import speeds_of
    from eager.progress.estimate_text import as_json, as_text
    from eager.progress.history import prompts_of, read_former_runs
    from eager.report.tables.published import read_published

    experiment, (runs, damaged) = _experiment(configfile), read_former_runs()
    for message in damaged:
        typer.echo(f"note: {message}", err=True)
    published = experiment.config.published
    given = _speeds(tokens_per_second or [], experiment)
    speeds = speeds_of(experiment.models, runs, given, load_seconds)
    costs = cost_of(
        experiment,
        runs,
        read_published(Path(published)) if published else [],
        {name: prompts_of(name, entry) for name, entry in experiment.datasets.items()},
        speeds,
    )
    found = costs, speeds, gpu_hour_price, gpus
    typer.echo(json.dumps(as_json(*found), indent=2) if json_wanted else as_text(*found))


def _speeds(given: list[str], experiment: Experiment) -> dict[str, float]:
    """Speeds by model from `NUMBER` or `MODEL=NUMBER`; a number alone is under the name ""."""
    speeds = {}
    for text in given:
        model, _, number = text.rpartition("=")
        if model and model not in experiment.models:
            raise EagerError(
                f"--tokens-per-second {text}: no model {model!r}; known are "
                f"{', '.join(experiment.models)}"
            )
        try:
            speeds[model] = float(number)
        except ValueError:
            speeds[model] = 0
        if not speeds[model] > 0:
            raise EagerError(f"--tokens-per-second {text}: write NUMBER or MODEL=NUMBER, above 0")
    return speeds


def _experiment(configfile: Path) -> Experiment:
    from eager.config.load import load_experiment, read_yaml

    return load_experiment(read_yaml(configfile), str(configfile))
