"""Damaged files of finished results never stop an estimate, and never count in it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from eager.config.experiment import read_experiment
from eager.progress.estimate import speeds_of
from eager.progress.history import read_former_runs
from tests.support.fuzzing import TALLY, attempt, damaged_bytes, damaged_json, fuzz

RUN: dict[str, Any] = {
    "parameters": {"method": "parallel", "max_sequences": 4, "temperature": 0.6, "seed": 1},
    "counts": {"tokens": 1000, "engine_seconds": 9.0, "driver_seconds": 1.0},
    "hardware": {"processor": "a CPU", "gpus": ["a GPU"]},
    "prompts": 5,
    "engine_options": {"tensor_parallel_size": 1},
    "shards": [{"load_seconds": 30.0}, {"load_seconds": None}],
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    for name in ("whole", "damaged"):
        (folder / f"e/m/d/{name}/parallel").mkdir(parents=True)
    (folder / "e/m/d/whole/parallel/run.json").write_text(json.dumps(RUN), encoding="utf-8")
    return folder


@fuzz(share=2)
@given(
    content=damaged_json(RUN).map(lambda value: json.dumps(value).encode())
    | damaged_bytes(json.dumps(RUN).encode())
)
def test_run_json(results: Path, content: bytes) -> None:
    (results / "e/m/d/damaged/parallel/run.json").write_bytes(content)
    runs, told = read_former_runs(results)
    TALLY["run.json", "refused" if told else "accepted"] += 1
    assert len(runs) + len(told) <= 2
    assert any(run.folder.endswith("whole/parallel") for run in runs)
    speed = speeds_of(["m"], runs, {}, None)["m"]
    for figure in (speed.tokens_per_second, speed.load_seconds):
        assert figure is None or 0 <= figure < math.inf
    assert all(run.prompts and run.key.max_sequences and run.gpus for run in runs)


EXPERIMENT = {
    "experiment": "e",
    "configuration": {"published": None},
    "models": {"m": {"path": "models/m"}},
    "datasets": {"d": {"kind": "math", "path": "d.jsonl"}},
    "targets": [],
}


@fuzz()
@given(
    content=damaged_json(EXPERIMENT).map(lambda value: json.dumps(value).encode())
    | damaged_bytes(json.dumps(EXPERIMENT).encode())
)
def test_experiment_json(results: Path, content: bytes) -> None:
    path = results / "experiment.json"
    path.write_bytes(content)
    if experiment := attempt("experiment.json", lambda: read_experiment(path)):
        experiment.model_dump_json()
