"""Recorded generations replay as they were; each variant changes the one point it names."""

from __future__ import annotations

import math
from dataclasses import fields
from pathlib import Path

import pytest

from eager.algorithm.allocation import Round
from eager.algorithm.rules import AUTHORS, Points
from eager.config.settings import DecodingSettings
from eager.data.prompts import Prompt, Vocabulary
from eager.generation.decoder import Decoder
from eager.generation.engine import Engine, EngineOutput
from eager.generation.prompt_run import PromptRun
from eager.util.errors import EagerError
from tests.support import oracle
from tests.support.letters import LETTERS
from tests.support.oracle import END
from tests.support.scripted_engine import TOP, ScriptedEngine, decoding, one_round
from tools.deviations.authors import OF_BUDGETS, ONE_POINT, VARIANTS
from tools.deviations.page import PAGE
from tools.deviations.recording import (
    RecordingEngine,
    RecordingFacts,
    ReplayEngine,
    VariantDecoder,
    read_recording,
    write_recording,
)

REQUEST = ".".join("0000")  # prompt, round, sequence, tokens so far
OURS = VARIANTS["eager_init"]
VOCABULARY = Vocabulary(end_of_sequence=(END,), context_length=64)
SETTINGS = decoding("eager_init", 5, entropy_threshold=1.0)
FACTS = RecordingFacts(
    settings={"eager_init": SETTINGS},
    vocabulary=VOCABULARY,
    prompt_ids=("0", "1", "2"),
    tasks="tasks.jsonl",
    token_texts={1: "na", 2: [0xC3], 3: [0xAF], 4: "ve"},
)


def scripted(seed: int) -> Engine:
    return ScriptedEngine(oracle.random_script(seed, 8, END, (), ties=False), frozenset({END}), TOP)


def trees(decoder: Decoder, settings: DecodingSettings = SETTINGS) -> list[list[list[int]]]:
    assert settings.entropy_threshold is not None
    first = one_round(Round(0, 1, settings.max_sequences, settings.entropy_threshold))
    work = [(Prompt(id=str(i), token_ids=(100 + i,)), first) for i in range(3)]
    runs: list[PromptRun] = [run for finished in decoder.run(work) for run in finished]
    return [
        [tree.tokens(i).tolist() for i in range(len(tree.sequences))]
        for run in sorted(runs, key=lambda run: run.priority)
        for _, tree in run.finished
    ]


@pytest.mark.parametrize("seed", range(10))
def test_a_recording_replays_from_its_file_as_the_engine_ran(seed: int, tmp_path: Path) -> None:
    engine = RecordingEngine(scripted(seed), TOP)
    recorded = trees(VariantDecoder(engine, SETTINGS, VOCABULARY, LETTERS, OURS))
    assert recorded == trees(Decoder(scripted(seed), SETTINGS, VOCABULARY, LETTERS))
    path = tmp_path / "recording.parquet"
    write_recording(path, FACTS, {"eager_init": engine.rows})
    facts, logs = read_recording(path)
    assert facts == FACTS
    replayed = ReplayEngine("eager_init", logs["eager_init"])
    assert trees(VariantDecoder(replayed, SETTINGS, VOCABULARY, LETTERS, OURS)) == recorded
    replayed.finish()


@pytest.mark.parametrize(("theta", "cap"), [(1.75, 5), (1.0, 8)])
def test_a_rule_that_decides_differently_is_asked_to_record_again(theta: float, cap: int) -> None:
    engine = RecordingEngine(scripted(2), TOP)
    trees(VariantDecoder(engine, SETTINGS, VOCABULARY, LETTERS, OURS))
    other = decoding("eager_init", cap, entropy_threshold=theta)
    replay = VariantDecoder(
        ReplayEngine("eager_init", engine.rows), other, VOCABULARY, LETTERS, OURS
    )
    with pytest.raises(EagerError, match="'eager_init' does not fit the code any more"):
        trees(replay, other)


def test_the_sampled_token_counts_only_in_its_variant() -> None:
    row = {"step": 0, "request": REQUEST, "sampled": 3, "best": 4, "second": 5, "finished": False}
    rows = [row | {"entropy": 0.9, "entropy_with_sampled": 1.4}]
    for name, forks in (("eager_init", 0), ("eager_init, N", 1)):
        engine = ReplayEngine("x", rows)
        decoder = VariantDecoder(engine, SETTINGS, VOCABULARY, LETTERS, VARIANTS[name])
        first = one_round(Round(0, 1, 5, 1.0))
        next(steps := decoder.run([(Prompt(id="0", token_ids=()), first)]))
        next(steps)
        assert decoder.counters.forks == forks


class OneStepEngine(ScriptedEngine):
    """Samples a given token where the top three have the probabilities 1/2, 1/4 and 1/8."""

    def __init__(self, sampled: int, probability: float) -> None:
        tokens, probabilities = [sampled, 1, 2, 3], [probability, 1 / 2, 1 / 4, 1 / 8]
        logprobs = [math.log(p) for p in probabilities]
        self.output = EngineOutput("r", [sampled], tokens, logprobs, True, 0)

    def step(self) -> list[EngineOutput]:
        return [self.output]


def entropy_of(*probabilities: float) -> float:
    return oracle.entropy(oracle.Step([], list(probabilities), 0))


def test_a_sampled_token_outside_of_the_top_is_recorded_with_its_own_entropy() -> None:
    inside, outside = (
        RecordingEngine(OneStepEngine(2, 1 / 4), 3),
        RecordingEngine(OneStepEngine(9, 1 / 16), 3),
    )
    for engine in (inside, outside):
        engine.step()
        assert engine.rows[0]["entropy"] == pytest.approx(entropy_of(1 / 2, 1 / 4, 1 / 8))
    assert inside.rows[0]["entropy_with_sampled"] is None
    expected = entropy_of(1 / 2, 1 / 4, 1 / 8, 1 / 16)
    assert outside.rows[0]["entropy_with_sampled"] == pytest.approx(expected)


def test_every_point_of_the_rule_is_turned_on_by_itself_or_with_what_it_needs() -> None:
    points = {*ONE_POINT.values(), *OF_BUDGETS.values()}
    covered = {f.name for f in fields(Points) if any(getattr(p, f.name) for p in points)}
    # The demo's model has no marker, so the one of point O has nothing to differ in.
    assert covered == {f.name for f in fields(Points)} - {"only_think_marker"}
    letters = {letter for name in ONE_POINT for letter in name.split(", ")}
    assert all(f"\n| {letter} |" in PAGE.read_text() for letter in letters)
    assert VARIANTS["eager, all points"].points == AUTHORS


def test_texts_of_tokens_may_be_parts_of_a_character() -> None:
    assert FACTS.decode([1, 2, 3, 4]) == "naïve"
