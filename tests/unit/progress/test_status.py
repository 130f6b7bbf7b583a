"""States of results, from files alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from eager.config.experiment import resolve
from eager.progress.status import ResultState, as_text, find_results
from eager.util.logs import output_to_log
from tests.support.estimates import CELL, experiment

EXPERIMENT = resolve(experiment(CELL, methods=("parallel",)))
FOLDER = Path("results/e/m/d/temperature=0.6+seed=1/parallel")
METRICS = "metrics+max_sequences=4.json"
LOG = Path("logs") / FOLDER.relative_to("results") / "1-of-1.log"


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def touch(path: Path, at: int, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (at, at))


def make(*names: str, at: int = 50) -> None:
    for name in names:
        touch(FOLDER / name, at)


def state(*pending: str) -> ResultState:
    [result] = find_results(EXPERIMENT, lambda: {*pending})
    return result


def test_nothing_begun_is_missing_and_all_there_is_done() -> None:
    assert (state().state, state().rule) == ("missing", "parallel")
    make("run.json")
    assert (state().state, state().rule) == ("partly", "evaluate")
    make("verdicts.parquet", METRICS)
    assert (state().state, state().rule) == ("done", None)


@pytest.mark.parametrize("name", ["run.json", "verdicts.parquet", METRICS])
def test_what_snakemake_would_make_again_is_outdated(name: str) -> None:
    make("run.json", "verdicts.parquet", METRICS)
    assert state(f"{FOLDER}/{name}").state == "outdated"
    others = (f"{FOLDER}/metrics+max_sequences=8.json", f"{FOLDER}/shard-1-of-1.json")
    assert state(*others, "results/e/tables/summary.md").state == "done"


def test_begun_and_not_there_is_a_failure_with_its_last_lines() -> None:
    touch(LOG, 50, "one\ntwo\n\nthree\nfour\nfive\nerror: six\n")
    result = state()
    assert (result.state, result.rule, result.log) == ("failed", "parallel", str(LOG))
    assert result.last_lines == ("two", "three", "four", "five", "error: six")
    text = as_text([result])
    assert "failed: parallel" in text
    assert f"{FOLDER}: parallel failed or was interrupted" in text
    assert "error: six" in text


def test_running_is_what_writes_its_log_whatever_locks_snakemake_left_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    touch(Path(".snakemake/locks/0.input.lock"), 50)
    touch(LOG.with_name("2-of-2.log"), 2**32)
    with output_to_log(LOG):
        assert (state().state, state().rule) == ("running", "parallel")
    assert (state().state, state().rule) == ("failed", "parallel")
    monkeypatch.setattr("eager.progress.status.is_being_written", lambda _: None)
    assert state().state == "running"
    Path(".snakemake/locks/0.input.lock").unlink()
    assert state().state == "failed"


def test_a_log_older_than_what_came_of_it_is_no_failure() -> None:
    evaluate = LOG.with_name("evaluate.log")
    touch(evaluate, 50)
    make("run.json", at=60)
    assert state().state == "partly"
    touch(evaluate, 70)
    assert (state().state, state().rule) == ("failed", "evaluate")
