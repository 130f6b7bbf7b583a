"""The trial finds where more sequences no longer help, and what is written can be used."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import yaml

from eager.data.prompts import Prompt
from eager.generation.engine import EngineOutput, EngineRequest
from eager.machine.tuning import (
    GIB,
    choose_cpu_kv_cache_gib,
    choose_gpu_memory_utilization,
    choose_max_num_seqs,
    entry,
    trial_rates,
)
from eager.util.errors import EagerError

PROMPTS = [Prompt(id="a", token_ids=(1,) * 100), Prompt(id="b", token_ids=(1,) * 30)]


class TimedEngine:
    """Decodes one token of every sequence per step; a step takes what a function says."""

    def __init__(self, seconds: Callable[[int], float]) -> None:
        self.now = 0.0
        self.live: dict[str, EngineRequest] = {}
        self.largest = 0
        self._seconds = seconds

    def submit(self, request: EngineRequest) -> None:
        assert request.request_id not in self.live
        self.live[request.request_id] = request

    def abort(self, request_id: str) -> None:
        del self.live[request_id]

    def step(self) -> list[EngineOutput]:
        self.now += self._seconds(len(self.live))
        self.largest = max(self.largest, len(self.live))
        return [EngineOutput(name, [1], [], [], False, 0) for name in self.live]


def tried(engine: TimedEngine, capacity: int = 10**6) -> dict[int, float]:
    rates = trial_rates(engine, PROMPTS, capacity, 60, clock=lambda: engine.now)
    assert not engine.live
    assert engine.now < 90
    return rates


@pytest.mark.parametrize("busy_at", [8, 32, 128])
def test_the_smallest_number_that_keeps_the_machine_busy_is_chosen(busy_at: int) -> None:
    engine = TimedEngine(lambda live: 0.05 * max(1, live / busy_at))
    rates = tried(engine)
    assert choose_max_num_seqs(rates) == busy_at
    assert rates[busy_at] == pytest.approx(busy_at / 0.05)
    assert engine.largest <= 4 * busy_at  # the trial does not go on far beyond


def test_the_trial_stays_within_the_cache() -> None:
    engine = TimedEngine(lambda live: 0.05)
    assert list(tried(engine, capacity=33 * 164)) == [8, 16, 32]
    with pytest.raises(EagerError, match=r"holds 900 tokens.*8 sequences of 164"):
        tried(engine, capacity=900)


def test_the_trial_keeps_to_its_time() -> None:
    engine = TimedEngine(lambda live: 5.0)
    assert list(tried(engine)) == [8, 16, 32]  # a step for the prompts and three per number


def test_memory() -> None:
    assert choose_cpu_kv_cache_gib(64 * 1000, 46_080, 64 * GIB) == 3
    assert choose_cpu_kv_cache_gib(64 * 100_000, 46_080, 9 * GIB) == 4
    assert choose_cpu_kv_cache_gib(10, 46_080, GIB) == 1
    assert choose_gpu_memory_utilization(60 * GIB, 80 * GIB) == 0.73
    assert choose_gpu_memory_utilization(80 * GIB, 80 * GIB) == 0.95
    with pytest.raises(EagerError, match=r"only 2.0 of 80.0 GiB"):
        choose_gpu_memory_utilization(2 * GIB, 80 * GIB)


@pytest.mark.parametrize("on_cpu", [True, False])
def test_what_is_written_is_an_engine_section(on_cpu: bool) -> None:
    memory = {"cpu_kv_cache_gib": 3} if on_cpu else {"gpu_memory_utilization": 0.73}
    options = {**memory, "max_num_seqs": 32}
    text = entry({8: 100.0, 16: 180.0, 32: 190.0}, options, "a-model", "a machine")
    assert yaml.safe_load(text) == {"engine": options}
    assert "8: 100, 16: 180, 32: 190." in text
