"""What is run on a machine with GPUs, with processes that only say what an engine would."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from eager.machine import check
from eager.machine.check import Check
from eager.machine.hardware import Machine
from eager.machine.trial import Trial
from eager.util.files import read_json, write_json
from tests.support.machines import GOOD

CONFIGURATION = {
    "device": "cuda",
    "v2_model_runner": True,
    "block_size": 16,
    "max_num_batched_tokens": 2048,
    "compilation": "VLLM_COMPILE",
    "cuda_graphs": "FULL_AND_PIECEWISE",
    "kv_capacity_tokens": 10**6,
}


class SimulatedTrials:
    """Stands for the processes."""

    def __init__(self) -> None:
        self.begun: list[tuple[Trial, Mapping[str, str]]] = []
        self.killed = -signal.SIGKILL

    def run(self, trial: Trial, environment: Mapping[str, str]) -> Any:
        self.begun.append((trial, environment))
        if trial.kind == "killed":
            return self.killed, "dead", None
        rates = [
            {
                "method": "parallel",
                "sequences": sequences,
                "tokens": 100,
                "seconds": 1.0,
                "driver_seconds": 0.1,
            }
            for sequences in trial.sequences
        ]
        answer = {
            "lines": [["generation", "same seed twice", "ok", ""]],
            "configuration": CONFIGURATION,
            "load_seconds": 60.0,
            "rates": rates,
        }
        return 0, "", answer


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> SimulatedTrials:
    simulated = SimulatedTrials()
    monkeypatch.setattr(Check, "_run_trial", lambda _, *args: simulated.run(*args))
    return simulated


def checked(
    folder: Path, facts: Machine, monkeypatch: pytest.MonkeyPatch
) -> tuple[int, dict[str, dict]]:
    monkeypatch.setattr(check.hardware, "find_machine", lambda _: facts)
    for name in ("manifest.json", "prompts"):
        write_json(folder / name, {})
    output = folder / "results/gpu-check"
    code = Check(folder / "manifest.json", folder / "prompts", output, lambda _: None).run()
    return code, {line["name"]: line for line in read_json(output / "report.json")["lines"]}


def test_the_first_gpu(
    trials: SimulatedTrials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, lines = checked(tmp_path, GOOD, monkeypatch)
    assert code == 0
    ran = [(trial.kind, trial.dtype, env["CUDA_VISIBLE_DEVICES"]) for trial, env in trials.begun]
    assert ran == [
        ("killed", "float32", "GPU-aa"),
        ("whole", "float32", "GPU-aa"),
        ("whole", "bfloat16", "GPU-aa"),
    ]
    assert lines["same seed twice"]["verdict"] == "ok"
    assert {f"parallel, {n} sequences" for n in (32, 128, 256, 512)} < set(lines)


def test_a_job_that_was_not_killed_differs(
    trials: SimulatedTrials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials.killed = 1
    code, lines = checked(tmp_path, GOOD, monkeypatch)
    assert code == 1
    assert "ended with 1: dead" in lines["kill"]["found"]


def test_a_rate_in_words() -> None:
    rate = {"method": "parallel", "sequences": 32, "tokens": 3200, "seconds": 2.0}
    line = check.rate_line(rate | {"driver_seconds": 0.1})
    assert (line.name, line.found) == (
        *("parallel, 32 sequences", "1,600 tokens/s; our driver 5.0%"),
    )
