"""What is run on a machine with GPUs, with processes that only say what an engine would."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import replace
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
    """Stands for the processes; `seed` is the verdict on the same seed twice, by environment."""

    def __init__(self) -> None:
        self.begun: list[tuple[Trial, Mapping[str, str]]] = []
        self.seed = {"": "ok", "1": "ok"}
        self.killed = -signal.SIGKILL

    def begin(self, trial: Trial, environment: Mapping[str, str], number: int = 0) -> Any:
        self.begun.append((trial, environment))
        return trial, environment

    def end(self, trial: Trial, environment: Mapping[str, str]) -> Any:
        device = environment["CUDA_VISIBLE_DEVICES"]
        if trial.kind == "killed":
            return self.killed, "dead", None
        if trial.kind == "parallel_job":
            return 0, "", {"device": device, "tokens": [[[1]]]}
        verdict = self.seed[environment.get("VLLM_BATCH_INVARIANT", "")]
        line = ["generation", "same seed twice", verdict, ""]
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
            "lines": [line],
            "configuration": CONFIGURATION,
            "load_seconds": 60.0,
            "rates": rates,
        }
        return 0, "", answer


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> SimulatedTrials:
    simulated = SimulatedTrials()
    monkeypatch.setattr(Check, "_begin", lambda _, *args: simulated.begin(*args))
    monkeypatch.setattr(Check, "_end", lambda _, *args: simulated.end(*args))
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


def test_two_gpus(trials: SimulatedTrials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, lines = checked(tmp_path, GOOD, monkeypatch)
    assert code == 0
    ran = [(trial.kind, trial.dtype, env["CUDA_VISIBLE_DEVICES"]) for trial, env in trials.begun]
    assert ran == [
        ("killed", "float32", "GPU-aa"),
        ("whole", "float32", "GPU-aa"),
        ("whole", "bfloat16", "GPU-aa"),
        ("parallel_job", "float32", "GPU-aa"),
        ("parallel_job", "float32", "GPU-bb"),
    ]
    assert lines["two jobs on two GPUs"]["verdict"] == "ok"
    assert {f"parallel, {n} sequences" for n in (32, 128, 256, 512)} < set(lines)


@pytest.mark.parametrize(
    ("with_it", "told"), [("ok", "=1 is needed"), ("differs", "=1 does not help")]
)
def test_the_order_of_sums_is_tried_when_seeds_do_not_repeat(
    trials: SimulatedTrials,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    with_it: str,
    told: str,
) -> None:
    trials.seed = {"": "differs", "1": with_it}
    one = replace(GOOD, visible="0")
    code, lines = checked(tmp_path, one, monkeypatch)
    assert code == 1
    assert lines["VLLM_BATCH_INVARIANT"]["found"].startswith(told)
    assert "there is one GPU" in lines["two jobs on two GPUs"]["found"]


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
