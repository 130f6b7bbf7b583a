"""`eager status` and `eager estimate` on a finished run, and on real changes to it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eager.config.settings import METHODS
from tests.support.repository import PROBLEMS, Repository, copy_finished, edit, result_folder

pytestmark = pytest.mark.long
SMALL = ("--configfile", "config/small.yaml")


@pytest.fixture
def finished(small_run: Repository, tmp_path: Path) -> Repository:
    """A copy of the finished run to change."""
    return copy_finished(small_run, tmp_path / "repository")


def said(repository: Repository, *arguments: str) -> str:
    done = repository.eager(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_status_follows_a_result_from_done_to_outdated_to_failed(finished: Repository) -> None:
    def states() -> dict[str, str]:
        rows = json.loads(said(finished, "status", "--json", *SMALL))
        return {row["method"]: row["state"] for row in rows}

    assert states() == dict.fromkeys(METHODS, "done")
    questions = finished.folder / "config/data/small.jsonl"
    kept = questions.read_text()
    questions.write_text(kept.replace("What is", "How much is", 1))
    assert states() == dict.fromkeys(METHODS, "outdated")
    questions.write_text(kept)
    assert states() == dict.fromkeys(METHODS, "done")
    edit(finished.folder / "config/small_datasets.yaml", "max_tokens: 40", "max_tokens: 41")
    assert states() == dict.fromkeys(METHODS, "outdated")
    (result_folder(finished, "parallel") / "run.json").unlink()
    # Without the model's files generation cannot begin.
    next(finished.folder.glob("results/models/*/files")).unlink()
    result = result_folder(finished, "parallel").relative_to(finished.folder)
    target = (f"{result}/metrics+max_sequences=3.json", "--cores", "1")
    assert finished.snakemake(*target, *SMALL, check=False).returncode != 0
    assert states() == dict.fromkeys(METHODS, "outdated") | {"parallel": "failed"}
    table = said(finished, "status", *SMALL)
    assert "failed or was interrupted" in table
    assert "the model's folder" in table.split("failed or was interrupted", 1)[1]


def test_estimate_counts_what_was_run_and_what_another_seed_would_cost(
    finished: Repository,
) -> None:
    cells = finished.folder / "config/small.tsv"
    cells.write_text(
        cells.read_text() + cells.read_text().splitlines()[-1].replace("55", "56") + "\n"
    )
    found = json.loads(said(finished, "estimate", "--json", *SMALL))
    assert [row["basis"] for row in found["results"]] == ["done"] * 4 + ["measured"] * 4
    runs = [
        json.loads((result_folder(finished, method) / "run.json").read_text()) for method in METHODS
    ]
    tokens = sum(run["counts"]["tokens"] for run in runs)
    assert found["still_to_run"]["tokens"] == pytest.approx(tokens)
    seconds = sum(run["counts"][f"{who}_seconds"] for run in runs for who in ("engine", "driver"))
    shards = [shard for run in runs for shard in run["shards"]]
    loads = [shard["load_seconds"] for shard in shards if shard["load_seconds"]]
    expected = seconds + 4 * sum(loads) / len(loads)
    assert found["still_to_run"]["gpu_hours"] == pytest.approx(expected / 3600)
    assert found["results"][0]["prompts"] == PROBLEMS


def test_the_papers_plan_is_estimated_from_what_is_published(repository: Repository) -> None:
    words = ("--configfile", "config/paper.yaml", "--tokens-per-second", "3000")
    found = json.loads(said(repository, "estimate", "--json", *words, "--gpu-hour-price", "2.5"))
    assert found["total"]["results"] == 36 * 3 + 20
    # Two models on two data sets at five M: three methods each, and Full Parallel once.
    assert found["total"]["results_known"] == 2 * 2 * (5 * 3 + 1)
    assert found["total"]["cost"] == pytest.approx(2.5 * found["total"]["gpu_hours"])
    # 570,000 tokens per prompt of Full Parallel at M = 32, and 30 prompts.
    [parallel] = [
        row
        for row in found["results"]
        if "Qwen3-4B/AIME2025/" in row["folder"] and row["method"] == "parallel"
    ]
    assert (parallel["cell"]["max_sequences"], parallel["tokens"]) == (32, 570_000 * 30)
    assert "on 8 GPUs: at least" in said(repository, "estimate", *words, "--gpus", "8")
