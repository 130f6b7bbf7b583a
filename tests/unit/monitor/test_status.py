"""States of results, from files alone."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eager.config.schema import Cell, DatasetEntry, Experiment, ExperimentConfig, ModelEntry
from eager.monitor.planning import Plan, PlannedJob, Reason
from eager.monitor.status import Result, as_text, find_results

CELL = Cell(model="m", dataset="d", temperature=0.6, max_sequences=4, entropy_threshold=2.0, seed=1)
EXPERIMENT = Experiment(
    ExperimentConfig(experiment="e", cells="cells.tsv", methods=("parallel",)),
    {"m": ModelEntry(path="model")},
    {"d": DatasetEntry(kind="math", path="d.jsonl")},
    (CELL,),
)
FOLDER = Path("results/e/m/d/temperature=0.6+max_sequences=4+seed=1/parallel")
MISSING = Reason(missing=("x",))


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def touch(path: Path, at: int, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (at, at))


def state(
    generate: Reason | None = MISSING,
    measure: Reason | None = MISSING,
    started_at: float | None = None,
    snakemake: bool = False,
) -> Result:
    jobs = (
        PlannedJob(
            "parallel", {}, (), (f"{FOLDER}/run.json",), "p.log", generate, started_at, ("7",)
        ),
        PlannedJob("measure", {}, (), (f"{FOLDER}/metrics.json",), "m.log", measure, None, ()),
    )
    [result] = find_results(EXPERIMENT, Plan(jobs, snakemake))
    return result


def test_nothing_begun_is_missing_and_all_there_is_done() -> None:
    assert (state().state, state().rule) == ("missing", "parallel")
    assert (state(None).state, state(None).rule) == ("partly", "measure")
    assert (state(None, None).state, state(None, None).rule) == ("done", None)


def test_a_job_given_to_a_cluster_is_queued_until_its_log_is_written() -> None:
    touch(Path("p.log"), 50)
    queued = state(started_at=100, snakemake=True)
    assert (queued.state, queued.cluster_jobs) == ("queued", ("7",))
    touch(Path("p.log"), 150)
    assert state(started_at=100, snakemake=True).state == "running"


def test_begun_and_not_there_is_a_failure_with_its_last_lines() -> None:
    touch(Path("p.log"), 50, "one\ntwo\n\nthree\nfour\nfive\nerror: six\n")
    result = state(started_at=40)
    assert (result.state, result.rule, result.log) == ("failed", "parallel", "p.log")
    assert result.last_lines == ("two", "three", "four", "five", "error: six")
    text = as_text([result])
    assert "failed: parallel" in text
    assert f"{FOLDER}: parallel failed or was interrupted" in text
    assert "error: six" in text


def test_a_log_older_than_what_came_of_it_is_no_failure() -> None:
    touch(Path("p.log"), 50)
    touch(FOLDER / "metrics.json", 60)
    assert state(measure=Reason(coming_inputs=("run.json",))).state == "outdated"
    touch(Path("p.log"), 70)
    assert state(measure=Reason(coming_inputs=("run.json",))).state == "failed"


@pytest.mark.parametrize(("times", "finished"), [((50, 60), 2), ((60, 50), 3)])
def test_progress_is_of_the_journal_written_to_last(times: tuple[int, int], finished: int) -> None:
    pq.write_table(pa.table({"id": [1, 2, 3]}), _parent(FOLDER.parents[1] / "prompts.parquet"))
    for prompts, at in zip((3, 2), times, strict=True):
        journal = FOLDER / f".journal-{prompts}"
        for number in range(prompts):
            touch(journal / f"{number}.zip", at)
        os.utime(journal, (at, at))
    touch(Path("p.log"), 50)
    result = state(started_at=40, snakemake=True)
    assert (result.prompts_finished, result.prompts) == (finished, 3)
    assert f"running: parallel {finished}/3 (job 7)" in as_text([result])


def _parent(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
