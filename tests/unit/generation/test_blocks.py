"""Full Parallel's samples: drawn once for every M, whatever the order, interrupted or not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eager.config.experiment import PlannedTarget
from eager.config.settings import DecodingSettings, EngineOptions
from eager.data.tokenization import Texts
from eager.evaluation.evaluate import evaluate
from eager.evaluation.measure import measure_target
from eager.evaluation.programs import CodeOptions
from eager.generation import provenance, shard_job
from eager.generation.decoder import request_seed
from eager.generation.engine import EngineOutput
from eager.generation.gather import generate_whole
from eager.generation.progress import Progress
from eager.generation.store import Store
from eager.generation.work import BLOCK, read_work
from eager.sandbox.settings import SandboxSettings
from eager.util.files import read_json
from eager.util.tables import read_table, write_table
from tests.support.oracle import random_script
from tests.support.scripted_engine import SeededEngine, decoding
from tests.support.scripted_generation import END, make_target, store_of

PROMPTS = 3
CAPS = (1, 2, 4, 6, 8, 9, 17)
COSTS = ("seconds", "engine_seconds", "computed_tokens")
"""Figures of the engine, which a view has a share of."""


class KilledError(Exception):
    """The process has ended in a step."""


class Answers:
    """A tokenizer that reads each sequence as one of three answers."""

    def encode(self, *_: object, **__: object) -> list[int]:
        return []

    def decode(self, token_ids: list[int], **_: object) -> str:
        return rf"\boxed{{{len(token_ids) % 3}}}"


class Engine(SeededEngine):
    """The engine of a job, killed after some steps; `begun` are the seeds of samples it began."""

    begun: list[int]
    steps_left = 10**6

    def __init__(self, *_: object) -> None:
        super().__init__(random_script(1, 8, END, (), ties=True), frozenset({END}), 10**6)
        self.texts = Texts(Answers())

    def submit(self, request: Any) -> None:
        super().submit(request)
        if len(request.token_ids) == 1:
            type(self).begun.append(request.seed)

    def step(self) -> list[EngineOutput]:
        if self.steps == type(self).steps_left:
            raise KilledError
        return super().step()


@pytest.fixture(autouse=True, scope="module")
def scripted() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(shard_job, "VllmEngine", Engine)
        patched.setattr(provenance, "_gpus", list)  # spares an import of torch
        yield


def measured(target: PlannedTarget) -> PlannedTarget:
    evaluate(target, CodeOptions(), SandboxSettings(), Path("no programs"))
    measure_target(target)
    return target


class Samples:
    """A folder of Full Parallel, and the samples that were begun for it."""

    def __init__(self, folder: Path, **changes: object) -> None:
        chosen = decoding("parallel", 1, entropy_threshold=None, max_tokens=30, snapshot_steps=7)
        self.target = make_target(folder, self.settings(chosen, **changes), PROMPTS)

    def settings(self, chosen: DecodingSettings, **changes: object) -> DecodingSettings:
        return DecodingSettings.model_validate(chosen.model_dump() | changes)

    def of(self, cap: int, **changes: object) -> PlannedTarget:
        """The target of an M, as an experiment has it whose largest M it is."""
        chosen = self.settings(self.target.settings, max_sequences=cap, **changes)
        cell = self.target.cell | {"max_sequences": cap}
        metrics = str(self.target.file(f"metrics-{cap}.json"))
        more = {"settings": chosen, "cell": cell, "samples": cap, "metrics": metrics}
        return self.target.model_copy(update=more)

    def make(self, cap: int, steps: int | None = None, **changes: object) -> list[int]:
        """Generate, or be killed after some steps; the seeds of the samples that were begun."""
        Engine.begun, Engine.steps_left = [], 10**6 if steps is None else steps
        with (Path(self.target.folder).parent / "log").open("a") as log:
            try:
                generate_whole(
                    self.of(cap, **changes),
                    EngineOptions(),
                    lambda total: Progress("test", total, log),
                    store_of(self.target),
                )
            except KilledError:
                assert steps is not None
        return Engine.begun

    @property
    def store(self) -> Store:
        return Store(store_of(self.target) / provenance.engine_software(), print)

    def keys(self, cap: int, **changes: object) -> list[str]:
        target = self.of(cap, **changes)
        return read_work(target).keys

    def stored(self) -> set[int]:
        """Seeds of the samples in the store."""
        target = self.of(max(CAPS))
        items = zip(self.keys(max(CAPS)), read_work(target).items, strict=True)
        return {
            request_seed(target.settings.seed, item.prompt.id, 0, item.first_index + number, 0)
            for key, item in items
            for number in range(self.store.size(key) or 0)
        }

    def figures(self, cap: int) -> dict[str, Any]:
        """metrics.json of a view of what was generated, without the engine's costs."""
        target = measured(self.of(cap))
        return {k: v for k, v in read_json(Path(target.metrics)).items() if k not in COSTS}

    def change_vocabulary(self, **changes: object) -> None:
        path = Path(self.target.prompts)
        table = read_table(path, "prompts")
        marks = json.loads(table.schema.metadata[b"vocabulary"]) | changes
        write_table(path, table, "prompts", {"vocabulary": json.dumps(marks)})


@pytest.fixture
def samples(tmp_path: Path) -> Samples:
    return Samples(tmp_path)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, Any]]:
    """The figures of each M made with nothing in the store."""
    made = {}
    for cap in CAPS:
        only = Samples(tmp_path_factory.mktemp("alone"))
        only.make(cap)
        made[cap] = only.figures(cap)
    return made


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(CAPS), st.none() | st.integers(0, 40)), min_size=1, max_size=6
    )
)
def test_each_sample_is_drawn_once_and_each_figure_is_as_if_made_alone(
    alone: dict[int, dict[str, Any]], jobs: list[tuple[int, int | None]]
) -> None:
    with TemporaryDirectory() as folder:
        made, begun = Samples(Path(folder)), list[int]()
        largest = max(cap for cap, _ in jobs)
        for cap, steps in [*jobs, (largest, None)]:
            before = made.stored()
            new = made.make(cap, steps)
            assert not before & {*new}
            begun += new
        if all(steps is None for _, steps in jobs):
            assert len(begun) == len({*begun}) == PROMPTS * largest
        assert len({*begun}) >= PROMPTS * largest
        for cap in {cap for cap, _ in jobs}:
            assert made.figures(cap) == alone[cap]


@pytest.mark.parametrize(("first", "then"), [(4, 8), (8, 2)])
def test_what_was_under_way_goes_on_for_another_number_of_samples(
    samples: Samples, first: int, then: int
) -> None:
    """The state of a block that was kept for few samples serves for more, and that for fewer."""
    begun = samples.make(first, steps=8) + samples.make(then)
    assert len(begun) == len({*begun}) == 8 * PROMPTS


def test_the_share_of_a_view_adds_up(samples: Samples) -> None:
    samples.make(17)
    whole, part = (read_json(Path(measured(samples.of(cap)).metrics)) for cap in (17, 9))
    assert part["tokens"] < whole["tokens"]
    share = part["tokens"] / whole["tokens"]
    assert part["engine_seconds"] == pytest.approx(share * whole["engine_seconds"])


def test_what_decides_a_sample_makes_entries_of_its_own(samples: Samples) -> None:
    samples.make(4)
    for changes in ({"seed": 56}, {"temperature": 0.7}, {"record_entropies": True}):
        assert len(samples.make(4, **changes)) == 4 * PROMPTS


def test_the_end_of_thinking_decides_no_sample(samples: Samples) -> None:
    samples.make(4)
    samples.change_vocabulary(end_of_thinking="</think>")
    assert samples.make(4) == []
    # The context length may: vLLM chooses the rotary embeddings of some models by it.
    samples.change_vocabulary(context_length=99)
    assert len(samples.make(4)) == 4 * PROMPTS


def test_the_end_of_thinking_decides_where_sequences_branch(tmp_path: Path) -> None:
    samples = Samples(tmp_path, method="eager_init", entropy_threshold=1.0)
    branching = samples.target.model_copy(update={"method": "eager_init"})
    before = read_work(branching).keys
    samples.change_vocabulary(end_of_thinking="</think>")
    assert not {*before} & {*read_work(branching).keys}


def test_a_damaged_block_is_drawn_again(samples: Samples) -> None:
    samples.make(9)
    victim = samples.store.path(samples.keys(9)[0])
    victim.write_bytes(victim.read_bytes()[:-1])
    assert len(samples.make(9)) == BLOCK


def test_results_that_find_their_samples_wait_for_no_other_job(samples: Samples) -> None:
    samples.make(8)
    with samples.store.hold(samples.keys(8)):
        assert samples.make(2) == []


def test_others_may_go_on_while_a_job_describes_what_it_has_done(
    samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe, held = shard_job.describe_run, []

    def describe_run(*arguments: Any, **facts: Any) -> dict[str, Any]:
        with samples.store.hold(samples.keys(2)):
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
    samples.make(4)
    run = read_json(samples.target.file("run.json"))
    assert (run["sequences_generated"], run["prompts_found_finished"]) == (0, PROMPTS)
