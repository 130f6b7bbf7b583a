"""The workflow from elsewhere: with -s, with --directory, as a module of another; and at scale."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from eager.config.experiment import PlannedTarget, resolve
from eager.config.load import load_experiment, read_yaml
from eager.config.settings import METHODS
from eager.util.files import write_json
from tests.support.repository import HEADER, STAND_IN, Repository, edit, lend_model
from tests.support.synthetic import DATASET, MODEL, SyntheticRun

pytestmark = pytest.mark.long
MODULE = """
module eager:
    snakefile: {snakefile!r}
    config: config


use rule * from eager


rule everything:
    default_target: True
    input: rules.all.input
"""


def snakemake(folder: Path, repository: Repository, *arguments: str) -> str:
    """Run Snakemake in a folder with the package of a repository."""
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments],
        cwd=folder,
        env=repository.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("elsewhere")


TASKS = "results/datasets/arithmetic/tasks.jsonl"


def test_from_another_folder_the_demo_is_that_of_the_repository(
    repository: Repository, elsewhere: Path
) -> None:
    snakefile = str(repository.folder / "Snakefile")
    snakemake(elsewhere, repository, "-s", snakefile, "--cores", "1", TASKS)
    assert len((elsewhere / TASKS).read_text().splitlines()) == 28
    assert not (repository.folder / "results/datasets").exists()
    assert "report_page" in snakemake(elsewhere, repository, "-s", snakefile, "-n")


def test_in_another_directory_with_files_of_its_own(
    repository: Repository, elsewhere: Path
) -> None:
    (elsewhere / "mine").mkdir()
    for name in ("small.yaml", "small.tsv", "small_datasets.yaml"):
        text = (repository.folder / "config" / name).read_text()
        (elsewhere / "mine" / name).write_text(
            text.replace("config/small", "mine/small").replace("config/data", "mine")
        )
    shutil.copy(repository.folder / "config/data/small.jsonl", elsewhere / "mine/small.jsonl")
    snakemake(
        repository.folder,
        repository,
        *("--directory", str(elsewhere), "--configfile", str(elsewhere / "mine/small.yaml")),
        *("--cores", "1", "results/datasets/small/tasks.jsonl"),
    )
    assert (elsewhere / "results/datasets/small/tasks.jsonl").exists()


def test_as_a_module_of_another_workflow(repository: Repository, elsewhere: Path) -> None:
    snakefile = str(repository.folder / "Snakefile")
    (elsewhere / "Snakefile").write_text(MODULE.format(snakefile=snakefile))
    configuration = str(repository.folder / "config/config.yaml")
    planned = snakemake(elsewhere, repository, "-n", "--configfile", configuration)
    for rule in ("parallel", "eager_init", "allocate", "eager_adapt", "eager", "report_page"):
        assert f"rule {rule}:" in planned
    assert [path for path in (elsewhere / "results").rglob("*") if path.is_file()] == []
    arguments = ("--configfile", configuration, "--cores", "1", TASKS)
    snakemake(elsewhere, repository, *arguments)
    assert (elsewhere / TASKS).exists()


def test_deployed_by_name_and_installed_by_pip(repository: Repository, elsewhere: Path) -> None:
    """As on the page: the package by pip, the workflow by snakedeploy into an empty folder."""
    wheels, place, deployed = (elsewhere / name for name in ("wheels", "venv", "mine"))
    run = partial(subprocess.run, check=True, capture_output=True, cwd=repository.folder)
    pip, packages = [sys.executable, "-m", "pip"], sysconfig.get_path("purelib")
    run([*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", wheels, "."])
    run([sys.executable, "-m", "venv", place])
    # The dependencies are those that are installed here.
    [folder] = (place / "lib").glob("python*/site-packages")
    (folder / "dependencies.pth").write_text(packages)
    (wheel,) = wheels.glob("*.whl")
    run([place / "bin/pip", "install", "--no-deps", "--no-index", "--ignore-installed", wheel])
    source = repository.folder
    run(
        [
            Path(sys.prefix, "bin/snakedeploy"),
            "deploy-workflow",
            "--branch",
            "main",
            source,
            deployed,
        ]
    )
    # For a repository on this disk snakedeploy names the file without its folder.
    snakefile = deployed / "workflow/Snakefile"
    edit(snakefile, '"workflow/Snakefile"', f'"{source / "workflow/Snakefile"}"')
    lend_model(replace(repository, folder=deployed))
    table = "results/demo/tables/summary.csv"
    words = [place / "bin/python", "-m", "snakemake", table, "--cores", "2", "--quiet", "rules"]
    words += ["--workflow-profile", place / "share/eager-repro/workflow/profiles/cpu"]
    environment = os.environ | {"PYTHONPATH": str(STAND_IN)}
    for more in (["--dry-run"], []):
        run([*words, *more], cwd=deployed, env=environment)
    rows = list(csv.DictReader((deployed / table).open()))
    assert [row["method"] for row in rows] == [*METHODS, *METHODS]
    run_file = next((deployed / "results/demo").rglob("run.json"))
    differing = json.loads(run_file.read_text())["software"]["not_as_locked"]
    assert set(differing) <= {"setuptools"}  # which venv brings along


CELLS = 500
MANY = {
    "many.yaml": "experiment: many\ncells: config/many.tsv\nmodels: config/many_models.yaml\n"
    "datasets: config/many_data.yaml\n",
    "many_models.yaml": f"{MODEL}: {{path: model}}\n",
    "many_data.yaml": f"{DATASET}: {{kind: math, path: x.jsonl}}\n",
    "many.tsv": HEADER
    + "".join(f"{MODEL}\t{DATASET}\t0.6\t2\t1.0\t{seed}\n" for seed in range(CELLS)),
}


def place_results(folder: Path, targets: list[PlannedTarget]) -> None:
    """Results of every target, all with the same synthetic files."""
    run = SyntheticRun(prompts=1, width=2, length=4).make(folder / "synthetic")
    shutil.copytree(folder / "synthetic/results/models", folder / "results/models")
    shutil.copytree(folder / "synthetic/results/datasets", folder / "results/datasets")
    write_json(folder / f"results/datasets/{DATASET}/manifest.json", {})
    made = {target.method: target for target in run}
    for target in targets:
        place = folder / target.folder
        place.mkdir(parents=True)
        for source in Path(made[target.method].folder).iterdir():
            name = Path(target.metrics).name if source.name == "metrics.json" else source.name
            os.link(source, place / name)
        if target.allocation:
            (folder / target.allocation).write_text("{}")
    shutil.copy(run[0].prompts, folder / targets[0].prompts)


def rows_of(table: Path) -> list[tuple[str, str]]:
    """Seed and method of every row of a table, sorted."""
    with table.open(encoding="utf-8") as stream:
        return sorted((row["seed"], row["method"]) for row in csv.DictReader(stream))


def test_five_hundred_cells_make_their_tables_page_and_archive(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = repository.folder
    monkeypatch.chdir(folder)
    for name, text in MANY.items():
        (folder / "config" / name).write_text(text)
    experiment = resolve(load_experiment(read_yaml(Path("config/many.yaml")), "many.yaml"))
    place_results(folder, experiment.targets)
    rules = ("tables", "draw_figures", "report_page", "archive")
    arguments = ("--configfile", "config/many.yaml", "--cores", "2", "--allowed-rules", *rules)
    start = time.monotonic()
    assert "rule report_page:" in snakemake(folder, repository, *arguments, "-n")
    print(f"\n{CELLS} cells planned in {time.monotonic() - start:.1f} s")
    snakemake(folder, repository, *arguments, "--", "all", "archive")
    print(f"and made in {time.monotonic() - start:.1f} s")
    expected = {(str(seed), method) for seed in range(CELLS) for method in METHODS}
    assert rows_of(folder / "results/many/tables/seeds.csv") == sorted(expected)
    over_seeds = sorted(("all", method) for method in METHODS)
    assert rows_of(folder / "results/many/tables/summary.csv") == over_seeds
    compared = [row for row in over_seeds if row[1] != "parallel"]
    assert rows_of(folder / "results/many/tables/comparison.csv") == compared
    assert (folder / "results/many/report.html").stat().st_size > 0
    with zipfile.ZipFile(folder / "results/many/archive.zip") as archive:
        packed = set(archive.namelist())
    assert {target.metrics for target in experiment.targets} <= packed
