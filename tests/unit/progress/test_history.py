"""One damaged file among former runs is told and left out; the others count."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eager.progress.history import FormerRun, Key, read_former_runs

RUN: dict[str, Any] = {
    "parameters": {"method": "parallel", "max_sequences": 4, "temperature": 0.6},
    "counts": {"tokens": 1000, "engine_seconds": 9.0, "driver_seconds": 1.0},
    "hardware": {"processor": "a CPU"},
    "prompts": 5,
    "shards": [{"load_seconds": 30.0}, {"load_seconds": None}],
}
WHOLE = json.dumps(RUN).encode()


def write_run(results: Path, seed: int, content: bytes | None) -> Path:
    path = results / f"e/m/d/seed={seed}/parallel/run.json"
    path.parent.mkdir(parents=True)
    path.mkdir() if content is None else path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        WHOLE[:-30],
        b"null",
        b"\xff\xfe{\0",
        None,
        json.dumps(RUN | {"counts": 3}).encode(),
        json.dumps(RUN | {"counts": {"tokens": True}}).encode(),
        json.dumps(RUN | {"prompts": 0}).encode(),
        json.dumps(RUN | {"counts": RUN["counts"] | {"engine_seconds": float("inf")}}).encode(),
    ],
)
def test_a_damaged_run_is_told_and_left_out(content: bytes | None, tmp_path: Path) -> None:
    write_run(tmp_path, 1, WHOLE)
    damaged = write_run(tmp_path, 2, content)
    write_run(tmp_path, 3, WHOLE)
    runs, told = read_former_runs(tmp_path)
    assert [(run.tokens, run.seconds, run.loads) for run in runs] == [(1000, 10.0, (30.0,))] * 2
    (message,) = told
    assert message.startswith(str(damaged))
    assert message.endswith("left out, make it again or delete it")


def read(results: Path, **changes: Any) -> FormerRun:
    write_run(results, 1, json.dumps(RUN | changes).encode())
    (run,), damaged = read_former_runs(results)
    assert damaged == []
    return run


@pytest.mark.parametrize(("given", "rule"), [({}, "described"), ({"rule": "authors"}, "authors")])
def test_branching_runs_are_known_by_their_rule(
    given: dict[str, str], rule: str, tmp_path: Path
) -> None:
    branching = {"method": "eager", "entropy_threshold": 2.0} | given
    # No prompt had a share to spend, so that nothing was counted.
    run = read(tmp_path, parameters=RUN["parameters"] | branching, counts={})
    assert run.key == Key("m", "d", "eager", 4, 2.0, 0.6, rule)
    assert (run.tokens, run.seconds, run.gpus, run.hardware) == (0, 0, 1, "a CPU")


def test_imported_results_say_nothing_of_costs(tmp_path: Path) -> None:
    write_run(tmp_path, 1, json.dumps({"counts": {}, "imported_from": "theirs.json"}).encode())
    write_run(tmp_path, 2, json.dumps(RUN | {"imported_from": "an export of ours"}).encode())
    assert read_former_runs(tmp_path) == ([], [])
