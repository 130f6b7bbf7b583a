"""Benchmarks of parts, by pytest-benchmark: the driver with a scale simulator, and evaluation.

Usage: python -m pytest tests/benchmarks/micro.py --benchmark-json=results/bench/micro.json
Times are CPU seconds of this process where nothing else is said, and seconds for what runs in
processes of its own. `extra_info["items"]` is what one round works off.
"""

from __future__ import annotations

import copy
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from eager.algorithm.allocation import Round
from eager.algorithm.entropy import RunningThreshold
from eager.config.schema import DatasetEntry
from eager.config.settings import DecodingSettings
from eager.data.prompts import Prompt, Vocabulary
from eager.data.tasks import fetch_tasks, read_tasks
from eager.evaluation.answers.equivalence import end_comparisons, is_symbolically_equal
from eager.evaluation.programs import CodeOptions, evaluate_programs
from eager.generation.decoder import Decoder
from eager.report.page.page import write_report
from eager.sandbox.settings import SandboxSettings
from tests.benchmarks.scale_simulator import ScaleSimulator, rows
from tests.benchmarks.workload import ROOT
from tests.support.letters import LETTERS
from tests.support.reports import tables_of_targets
from tests.support.synthetic import SyntheticRun

ROOTS = 32  # sequences per prompt: the paper's M
THETA = 2.3
ROUNDS = 300

cpu_time = pytest.mark.benchmark(timer=process_time)
wall_time = pytest.mark.benchmark(timer=perf_counter)


@cache
def history(size: int) -> RunningThreshold:
    """A prompt's recorded entropies, 2 % of them above theta, so that the percentile counts."""
    running = RunningThreshold(THETA, 99)
    rng = np.random.default_rng(1)
    for start in range(0, size, 1_000_000):
        count = min(1_000_000, size - start)
        high = rng.uniform(THETA, 2.9, count)
        running.add(np.where(rng.random(count) < 0.02, high, rng.gamma(0.5, 0.3, count)).tolist())
    return running


def stepping(
    live: int, recorded: int, method: str = "eager_init"
) -> tuple[ScaleSimulator, Iterator[Any]]:
    """A decoder over `live` sequences, 32 per prompt, that neither branch nor end."""
    parallel = method == "parallel"
    settings = DecodingSettings(
        method=method,
        entropy_threshold=None if parallel else THETA,
        max_sequences=ROOTS if parallel else 2 * ROOTS,
        max_steps_without_branch=10**9,
        temperature=0.6,
        seed=55,
    )
    engine = ScaleSimulator(settings, rows(highest_entropy=THETA))
    vocabulary = Vocabulary(end_of_sequence=(1, 2), context_length=2**20)
    first = Round(0, ROOTS, settings.max_sequences, THETA)
    work = [
        (
            Prompt(id=str(i), token_ids=tuple(range(200))),
            lambda rounds, _: None if rounds else first,
        )
        for i in range(live // ROOTS)
    ]
    loaded = history(recorded)
    steps = Decoder(engine, settings, vocabulary, LETTERS).run(work)
    with patch("eager.algorithm.branching.RunningThreshold", lambda *_: copy.deepcopy(loaded)):
        next(steps)
    return engine, steps


@contextmanager
def frozen() -> Iterator[None]:
    """No garbage collection of what is there already, as vLLM has it when it has started."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@cpu_time
@pytest.mark.parametrize("live", [64, 256, 1024])
def test_step_while_branching(benchmark: Any, live: int) -> None:
    """Times steps with a long history; in between, steps of another decoder with a short one."""
    engine, steps = stepping(live, 10_000_000)
    short_engine, short_steps = stepping(live, 1_000)
    short_times = []

    def setup() -> None:
        short_engine.prepare()
        start = process_time()
        next(short_steps)
        short_times.append(process_time() - start)
        engine.prepare()

    with frozen():
        benchmark.pedantic(lambda: next(steps), setup=setup, rounds=ROUNDS, warmup_rounds=40)
    benchmark.extra_info["items"] = live
    benchmark.extra_info["seconds_with_short_history"] = median(short_times[-ROUNDS:])


@cpu_time
def test_step_without_branching(benchmark: Any) -> None:
    engine, steps = stepping(256, 0, "parallel")
    benchmark.extra_info["items"] = 256
    with frozen():
        benchmark.pedantic(
            lambda: next(steps), setup=engine.prepare, rounds=ROUNDS, warmup_rounds=40
        )


@wall_time
def test_answer_equivalence(benchmark: Any) -> None:
    numbers = count(1)
    pairs = 100
    is_symbolically_equal("1", "2")  # starts the process, which imports sympy

    def compare() -> None:
        for _ in range(pairs):  # new ones each time: a text is checked once and remembered
            n = next(numbers)
            assert is_symbolically_equal(rf"\frac{{{n}}}{{{n + 7}}}", f"{n}/({n} + 7)")

    benchmark.extra_info["items"] = pairs
    benchmark.pedantic(compare, rounds=3)
    end_comparisons()


@wall_time
def test_sandbox(benchmark: Any, tmp_path: Path) -> None:
    source = str(ROOT / "config/data/minicode.jsonl")
    entry = DatasetEntry(kind="code", path=source, id_field="task_id", prompt_field="prompt")
    fetch_tasks("minicode", entry, tmp_path / "tasks.jsonl", tmp_path / "manifest.json")
    tasks = {task.id: task for task in read_tasks(tmp_path / "tasks.jsonl")}
    settings = SandboxSettings(engine="bubblewrap", workers=1)
    rounds = 2
    folders = iter(tmp_path / f"cache-{number}" for number in range(rounds))

    def evaluate() -> None:
        sequences = [
            # Different programs, so that none is answered from another's result.
            {"prompt_id": task.id, "sequence_index": number, "text": f"# {number}\n{program}"}
            for task in tasks.values()
            for number in range(4)
            for program in [task.problem + (task.code or {})["canonical_solution"]]
        ]
        benchmark.extra_info["items"] = len(sequences)
        verdicts = evaluate_programs(tasks, sequences, CodeOptions(), settings, next(folders))
        assert all(verdict["correct"] for verdict in verdicts)

    benchmark.pedantic(evaluate, rounds=rounds)


@cpu_time
def test_report(benchmark: Any, tmp_path: Path) -> None:
    targets = SyntheticRun(prompts=10, width=8, length=2000, vocabulary=32_768).make(tmp_path)
    benchmark.extra_info["items"] = 1
    made = tables_of_targets(targets)
    benchmark.pedantic(
        lambda: write_report(targets, made, [], tmp_path / "report.html"),
        rounds=3,
    )
