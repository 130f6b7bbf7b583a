"""Full Parallel's samples: drawn once for every M, whatever the order of the results."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from eager.config.settings import DecodingSettings, EngineOptions
from eager.generation import shard_job
from eager.generation.gather import generate_whole
from eager.generation.progress import Progress
from eager.generation.work import Inputs
from tests.support.oracle import random_script
from tests.support.scripted_engine import SeededEngine, decoding
from tests.support.scripted_generation import END, PROMPTS, Letters, make_inputs


class Samples:
    """Results of Full Parallel that share a store, and the samples drawn for them."""

    def __init__(self, folder: Path, inputs: Inputs) -> None:
        self.drawn: list[int] = []
        self._folder = folder
        self._inputs = inputs

    def make(self, samples: int, **changes: object) -> Path:
        """A result, gathered."""
        settings = decoding("parallel", samples, entropy_threshold=None, max_tokens=30)
        settings = DecodingSettings.model_validate(settings.model_dump() | changes)
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


def test_a_damaged_entry_is_drawn_again_for_the_result_that_asks(samples: Samples) -> None:
    before = rows(samples.make(6))
    victim = next((samples._inputs.store).glob("??/*.zip"))
    victim.write_bytes(victim.read_bytes()[:-1])
    samples.make(4)
    assert samples.drawn[-1] == 4
    assert rows(samples.make(6)) == before
    assert samples.drawn[-1] == 2
