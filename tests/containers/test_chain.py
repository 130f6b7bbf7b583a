"""The steps without a GPU through Snakemake and the image `stages`; generations are synthetic."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.support.docker import leftovers
from tests.support.repository import CELL, HEADER, SHARED_CELL, Repository, copy_repository
from tests.support.synthetic import MODEL, SyntheticRun, write_model

PLACE = f"results/small/{MODEL}/small"
BUDGETED = f"{PLACE}/{CELL}+entropy_threshold=1.0"
RULES = (
    *("fetch_dataset", "encode_prompts", "evaluate", "measure", "allocate"),
    *("tables", "draw_figures", "report_page"),
)
TARGETS = (
    "results/small/report.html",
    "results/small/tables/summary.csv",
    f"{BUDGETED}/eager/allocation.json",
)
COMPARED = (
    "results/datasets/small/tasks.jsonl",
    f"{PLACE}/prompts.parquet",
    f"{BUDGETED}/eager/verdicts.parquet",
    f"{BUDGETED}/eager/allocation.json",
    f"{BUDGETED}/eager/metrics.json",
    "results/small/tables/summary.csv",
    "results/small/tables/comparison.tex",
    f"results/small/figures/{MODEL}/small/tokens.svg",
    "results/small/report.html",
)
CONTAINERS = ("--config", "container_runtime=docker", "generate_image=generate-cpu")


def chain(folder: Path) -> Repository:
    """A copy of the repository with generations in place."""
    repository = copy_repository(folder)
    run = SyntheticRun().make(folder / "synthetic")
    write_model(folder / f"results/models/{MODEL}", 800, [*SyntheticRun().words, *"0123"])
    for target in run:
        place = folder / PLACE / SHARED_CELL if target.method == "parallel" else folder / BUDGETED
        (place / target.method).mkdir(parents=True)
        for name in ("sequences.parquet", "branches.parquet", "run.json"):
            shutil.copy(target.file(name), place / target.method / name)
    config = folder / "config"
    model = {"path": f"results/models/{MODEL}/files", "context_length": 4096}
    (config / "models.yaml").write_text(yaml.safe_dump({MODEL: model}))
    data = {"kind": "math", "path": "config/data/small.jsonl", "id_field": "id"}
    data |= {"chat_template": False}
    (config / "small_datasets.yaml").write_text(yaml.safe_dump({"small": data}))
    rows = [{"id": f"p{i}", "problem": f"{i}", "answer": "42"} for i in range(4)]
    (config / "data/small.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (config / "small.tsv").write_text(HEADER + f"{MODEL}\tsmall\t0.6\t3\t1.0\t55\n")
    return repository


def arguments(profile: str, *more: str) -> list[str]:
    return [
        *("--configfile", "config/small.yaml"),
        *("--workflow-profile", f"workflow/profiles/{profile}"),
        *("--allowed-rules", *RULES),
        *more,
        "--",
        *TARGETS,
    ]


def test_the_chain_makes_the_same_files_in_containers_as_without(
    stages_image: str, tmp_path: Path
) -> None:
    inside, outside = chain(tmp_path / "inside"), chain(tmp_path / "outside")
    inside.snakemake(*arguments("docker", *CONTAINERS))
    outside.snakemake(*arguments("cpu"))
    for name in COMPARED:
        ours, theirs = (repository.folder / name for repository in (inside, outside))
        same = ours.read_bytes().replace(bytes(inside.folder), bytes(outside.folder))
        assert same == theirs.read_bytes(), name
        assert ours.stat().st_uid == os.geteuid()
    assert leftovers() == []
    # Having been made in containers is no reason to make them again.
    again = inside.snakemake(*arguments("cpu", "--dry-run"))
    assert "Nothing to be done" in again.stdout + again.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_snakemake_leaves_no_container(
    stages_image: str, tmp_path: Path, number: signal.Signals
) -> None:
    repository = chain(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-m", "snakemake", *arguments("docker", *CONTAINERS)],
        cwd=repository.folder,
        env=repository.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    while not leftovers():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    assert process.wait(timeout=120) != 0
    deadline = time.monotonic() + 30
    while leftovers() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert leftovers() == []


def test_a_failing_step_leaves_no_container(stages_image: str, tmp_path: Path) -> None:
    repository = chain(tmp_path)
    (repository.folder / "config/data/small.jsonl").write_text("not JSON\n")
    done = repository.snakemake(*arguments("docker", *CONTAINERS), check=False)
    assert done.returncode != 0
    assert "not JSON" in done.stdout + done.stderr
    assert leftovers() == []
