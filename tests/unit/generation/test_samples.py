"""Full Parallel's samples: drawn once for every M, whatever the order of the results."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from eager.config.settings import DecodingSettings, EngineOptions
from eager.generation import shard_job
from eager.generation.gather import generate_whole
from eager.generation.progress import Progress
from eager.generation.shard_job import store_folder
from eager.generation.store import Store
from eager.generation.work import Inputs, read_work
from eager.util.tables import read_table, write_table
from tests.support.oracle import random_script
from tests.support.scripted_engine import SeededEngine, decoding
from tests.support.scripted_generation import END, PROMPTS, Letters, make_inputs


class Samples:
    """Results of Full Parallel that share a store, and the samples drawn for them."""

    def __init__(self, folder: Path, inputs: Inputs) -> None:
        self.drawn: list[int] = []
        self._folder = folder
        self._inputs = inputs

    @property
    def store(self) -> Store:
        return Store(store_folder(self._inputs.store), print)

    @property
    def keys(self) -> list[str]:
        """Names of the entries, which are the same for every number of samples."""
        settings = self.settings(1)
        return shard_job.entry_keys(settings, self._inputs, read_work(settings, self._inputs))

    def change_vocabulary(self, **changes: object) -> None:
        table = read_table(self._inputs.prompts, "prompts")
        marks = json.loads(table.schema.metadata[b"vocabulary"]) | changes
        write_table(self._inputs.prompts, table, "prompts", {"vocabulary": json.dumps(marks)})

    def settings(self, samples: int, **changes: object) -> DecodingSettings:
        settings = decoding("parallel", samples, entropy_threshold=None, max_tokens=30)
        return DecodingSettings.model_validate(settings.model_dump() | changes)

    def make(self, samples: int, **changes: object) -> Path:
        """A result, gathered."""
        settings = self.settings(samples, **changes)
        output = self._folder / f"{samples}"
        Engine.submissions = 0
        generate_whole(
            settings,
            EngineOptions(),
            self._inputs,
            output,
            lambda total: Progress("test", total, (self._folder / "log").open("a")),
        )
        self.drawn.append(Engine.submissions)
        return output


class Engine(SeededEngine):
    """The engine of a job; counts what was submitted to any of them."""

    submissions = 0

    def __init__(self, *_: object) -> None:
        super().__init__(random_script(1, 8, END, (), ties=True), frozenset({END}), 10**6)
        self.tokenizer = Letters()

    def submit(self, request: object) -> None:
        type(self).submissions += 1
        super().submit(request)  # type: ignore[arg-type]


@pytest.fixture
def samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Samples:
    monkeypatch.setattr(shard_job, "VllmEngine", Engine)
    return Samples(tmp_path, make_inputs(tmp_path))


def rows(result: Path) -> list[dict]:
    table = pq.read_table(result / "sequences.parquet").drop_columns("entropies")
    return table.to_pylist()


def run_of(result: Path) -> dict:
    return json.loads((result / "run.json").read_text())


@pytest.mark.parametrize("order", itertools.permutations((2, 4, 6)), ids=str)
def test_each_sample_is_drawn_once_and_results_are_as_if_alone(
    samples: Samples, tmp_path_factory: pytest.TempPathFactory, order: tuple[int, ...]
) -> None:
    made = {number: samples.make(number) for number in order}
    assert sum(samples.drawn) == 6 * PROMPTS
    made[8] = samples.make(8)
    assert samples.drawn[-1] == 2 * PROMPTS
    for number, result in made.items():
        folder = tmp_path_factory.mktemp("alone")
        alone = Samples(folder, make_inputs(folder)).make(number)
        assert rows(result) == rows(alone)
        counts, expected = run_of(result)["counts"], run_of(alone)["counts"]
        lengths = pq.read_table(result / "sequences.parquet").column("token_ids")
        assert counts["tokens"] == pc.sum(pc.list_value_length(lengths)).as_py()
        assert counts["tokens"] == expected["tokens"]
        assert counts.keys() == expected.keys()
    generated = [run_of(result)["sequences_generated"] for result in made.values()]
    assert generated == samples.drawn


def test_what_decides_a_sample_makes_another_pool(samples: Samples) -> None:
    samples.make(4)
    for changes in ({"seed": 56}, {"temperature": 0.7}, {"record_entropies": True}):
        samples.make(4, **changes)
    assert samples.drawn == [4 * PROMPTS] * 4


def test_the_end_of_thinking_decides_no_sample(samples: Samples) -> None:
    before = rows(samples.make(4))
    samples.change_vocabulary(end_of_thinking=[3])
    assert rows(samples.make(4)) == before
    # The context length may: vLLM chooses the rotary embeddings of some models by it.
    samples.change_vocabulary(context_length=99)
    samples.make(4)
    assert samples.drawn == [4 * PROMPTS, 0, 4 * PROMPTS]


def test_the_end_of_thinking_decides_where_sequences_branch(samples: Samples) -> None:
    settings, inputs = decoding("eager_init", 4), samples._inputs
    before = shard_job.entry_keys(settings, inputs, read_work(settings, inputs))
    samples.change_vocabulary(end_of_thinking=[3])
    after = shard_job.entry_keys(settings, inputs, read_work(settings, inputs))
    assert not {*before} & {*after}


def test_a_damaged_entry_is_drawn_again_for_the_result_that_asks(samples: Samples) -> None:
    before = rows(samples.make(6))
    victim = next((samples._inputs.store).glob("*/??/*.zip"))
    victim.write_bytes(victim.read_bytes()[:-1])
    samples.make(4)
    assert samples.drawn[-1] == 4
    assert rows(samples.make(6)) == before
    assert samples.drawn[-1] == 2


def test_results_that_find_their_samples_wait_for_no_other_job(samples: Samples) -> None:
    samples.make(8)
    with samples.store.hold(samples.keys):
        samples.make(2)
        samples.make(4)
    assert samples.drawn[1:] == [0, 0]


def test_others_may_go_on_while_a_job_describes_what_it_has_done(
    samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe, held = shard_job.describe_run, []

    def describe_run(*arguments: Any, **facts: Any) -> dict[str, Any]:
        with samples.store.hold(samples.keys):
            held.append(True)
        return describe(*arguments, **facts)

    monkeypatch.setattr(shard_job, "describe_run", describe_run)
    samples.make(2)
    assert held == [True]


def test_what_another_job_finishes_before_the_lock_is_free_is_found(
    samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = Store.hold

    @contextmanager
    def hold_late(store: Store, keys: list[str]) -> Iterator[None]:
        monkeypatch.setattr(Store, "hold", hold)
        samples.make(4)
        with store.hold(keys):
            yield

    samples.make(2)
    monkeypatch.setattr(Store, "hold", hold_late)
    run = run_of(samples.make(4))
    assert (run["sequences_generated"], run["prompts_found_finished"]) == (0, PROMPTS)


def test_more_samples_that_another_job_has_drawn_meanwhile_stay(
    samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    class SlowEngine(Engine):
        def __init__(self, *_: object) -> None:
            """While it loads, a job with other shards, and so with another lock, does its work."""
            monkeypatch.setattr(shard_job, "VllmEngine", Engine)
            with monkeypatch.context() as patched:
                patched.setattr(Store, "hold", lambda *_: nullcontext())
                samples.make(8)
            super().__init__()

    monkeypatch.setattr(shard_job, "VllmEngine", SlowEngine)
    assert run_of(samples.make(4))["sequences_generated"] == 4 * PROMPTS
    assert {samples.store.size(key) for key in samples.keys} == {8}
