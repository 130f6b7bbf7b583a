"""A copy of the repository with a small experiment, and the commands to run it."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
STAND_IN = Path(__file__).with_name("stand_in")
MODEL = "results/models/SmolLM2-135M-Instruct"
CELL = "temperature=0.6+max_sequences=3+seed=55"
SHARED_CELL = "temperature=0.6+seed=55"
"""Of Full Parallel, whatever M is."""
HEADER = "model\tdataset\ttemperature\tmax_sequences\tentropy_threshold\tseed\n"
ROW = "SmolLM2-135M-Instruct\tsmall\t0.6\t3\t1.0\t55\n"

SMALL_YAML = """
experiment: small
snapshot_steps: 8
published: config/published.csv
cells: config/small.tsv
datasets: config/small_datasets.yaml
"""
PROBLEMS = 8


def imported_modules(path: Path) -> Iterator[str]:
    """Dotted names that a file imports; `from a import b` counts as a.b, a module perhaps."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield from (f"{base}.{alias.name}" for alias in node.names)


@dataclass(frozen=True)
class Repository:
    """A copy of this repository to run Snakemake in.

    Attributes:
        folder: where it is.
        scripted: whether its jobs find the stand-in of `tests/support/stand_in` instead of vLLM.
    """

    folder: Path
    scripted: bool = True

    @property
    def environment(self) -> dict[str, str]:
        places = [self.folder / "workflow", *([STAND_IN] if self.scripted else [])]
        return os.environ | {"PYTHONPATH": os.pathsep.join(map(str, places))}

    def run(self, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a Python module in the copy."""
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def snakemake(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run Snakemake."""
        done = self.run("snakemake", *arguments)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def eager(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Call the command line."""
        return self.run("eager", *arguments)

    def small(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the small experiment."""
        return self.snakemake(
            "--configfile",
            "config/small.yaml",
            "--workflow-profile",
            "workflow/profiles/cpu",
            *arguments,
            check=check,
        )

    def planned(self, *arguments: str) -> dict[str, int]:
        """Rules that the small experiment would run now, with their number of jobs."""
        return rules_run(self.small("--dry-run", *arguments))


def edit(path: Path, old: str, new: str) -> None:
    """Replace the first place of a text in a file, which has to have one."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def rules_run(done: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """Rules that a run of Snakemake planned, with their number of jobs."""
    lines = (done.stdout + done.stderr).splitlines()
    if "Job stats:" not in lines:
        return {}
    counts = {}
    for line in lines[lines.index("Job stats:") + 3 :]:
        if not line.strip():
            break
        rule, count = line.split()
        counts[rule] = int(count)
    return {rule: n for rule, n in counts.items() if rule not in ("all", "total")}


def copy_repository(folder: Path, *, scripted: bool = True) -> Repository:
    """Copy what git would commit, and add the small experiment."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
    config = folder / "config"
    (config / "small.yaml").write_text(SMALL_YAML)
    (config / "small.tsv").write_text(HEADER + ROW)
    datasets = (config / "datasets.yaml").read_text()
    small = datasets[datasets.index("arithmetic:") : datasets.index("# The paper's")]
    small = small.replace("arithmetic", "small").replace("max_tokens: 128", "max_tokens: 40")
    (config / "small_datasets.yaml").write_text(small)
    rows = (config / "data/arithmetic.jsonl").read_text().splitlines(keepends=True)
    (config / "data/small.jsonl").write_text("".join(rows[8 : 8 + PROBLEMS]))
    return Repository(folder, scripted)


def lend_model(repository: Repository) -> None:
    """Give a copy the demo's model with Snakemake's record of it, where `make demo` was run.

    To convert the weights takes half a minute. Snakemake does it where the record does not fit.
    """
    records = [
        Path(".snakemake/metadata", b64encode(f"{MODEL}/{name}.json".encode()).decode())
        for name in ("manifest", "place")
    ]
    if all((ROOT / record).is_file() for record in records):
        shutil.copytree(ROOT / MODEL, repository.folder / MODEL)
        for record in records:
            (repository.folder / record).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / record, repository.folder / record)


def copy_finished(repository: Repository, folder: Path) -> Repository:
    """A finished run to change; it borrows the files of the model."""
    shutil.copytree(repository.folder, folder, ignore=shutil.ignore_patterns("files"))
    for files in repository.folder.glob("results/models/*/files"):
        (folder / files.relative_to(repository.folder)).symlink_to(files)
    return Repository(folder, repository.scripted)


def result_folder(repository: Repository, method: str) -> Path:
    cell = SHARED_CELL if method == "parallel" else f"{CELL}+entropy_threshold=1.0"
    return repository.folder / "results/small/SmolLM2-135M-Instruct/small" / cell / method


def words_to_make_alone(repository: Repository, result: Path, output: Path) -> list[str]:
    """What `eager` is told to make a result of the small run again, with nothing in the store."""
    found = json.loads((repository.folder / "results/small/experiment.json").read_text())
    folder = str(result.relative_to(repository.folder))
    target = next(target for target in found["targets"] if target["folder"] == folder)
    experiment = output.with_suffix(".json")
    experiment.write_text(json.dumps(found | {"targets": [target | {"folder": str(output)}]}))
    return [
        "generate",
        *("--experiment", str(experiment), "--result", str(output)),
        *("--store", str(output.with_suffix(".store")), "--log", str(output.with_suffix(".log"))),
    ]
