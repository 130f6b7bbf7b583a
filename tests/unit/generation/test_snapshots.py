"""States of prompts under way: an interrupted generation makes what an undisturbed one makes."""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eager.algorithm.allocation import Round, Share, next_round
from eager.algorithm.rules import RULES
from eager.config.settings import DecodingSettings
from eager.data.prompts import Prompt, Vocabulary
from eager.generation.decoder import Decoder
from eager.generation.prompt_run import NextRound, PromptRun
from eager.generation.snapshots import FORM, SnapshotFiles
from tests.support.letters import LETTERS, spelled
from tests.support.oracle import END, random_script
from tests.support.scripted_engine import SeededEngine, decoding, one_round

VOCABULARY = Vocabulary(end_of_sequence=(END,), end_of_thinking=spelled((3,)), context_length=200)
PROMPTS = 3
EVERYTHING = 10**6
"""Requests served per step: all."""


def rounds(chosen: DecodingSettings) -> NextRound:
    theta, cap = chosen.entropy_threshold or 0.0, chosen.max_sequences
    if chosen.method == "parallel":
        return one_round(Round(0, cap, cap, 0.0))
    if chosen.method == "eager_init":
        return one_round(Round(0, 1, cap, theta))
    share, points = Share("p", cap, True, None, 2 * cap, ""), RULES[chosen.rule]
    return lambda finished, generated: next_round(share, generated, finished, theta, points)


def start(
    chosen: DecodingSettings,
    seed: int,
    served: int,
    files: SnapshotFiles | None,
    fitting: int = sys.maxsize,
) -> tuple[Decoder, Any]:
    """A decoder and its steps; the engine serves some requests per step, and `fitting` at most."""
    engine = SeededEngine(random_script(seed, 8, END, (3,), ties=True), frozenset({END}), served)
    engine.max_num_seqs = fitting
    decoder = Decoder(engine, chosen, VOCABULARY, LETTERS, files)
    names = [str(number) for number in range(PROMPTS)]
    prompts = [Prompt(id=name, token_ids=(100 + int(name),)) for name in names]
    return decoder, decoder.run([(prompt, rounds(chosen)) for prompt in prompts])


def files_in(folder: Path, said: list[str] | None = None) -> SnapshotFiles:
    paths = [folder / f"{number}.states" for number in range(PROMPTS)]
    return SnapshotFiles(paths, (said if said is not None else []).append)


def content(runs: Sequence[PromptRun]) -> dict[str, Any]:
    """Everything about the trees that becomes a row of a table, as text: NaN equals NaN there."""
    return {
        run.prompt.id: [
            (round_, tree.branches, tree.sampled, *map(repr, tree.sequences))
            for round_, tree in run.finished
        ]
        for run in runs
    }


def undisturbed(chosen: DecodingSettings, seed: int) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        _, steps = start(chosen, seed, EVERYTHING, files_in(Path(folder)))
        return content([run for finished in steps for run in finished])


LAST_TOKEN = decoding(
    "eager_adapt", 1, max_tokens=2, entropy_threshold=0.5, max_steps_without_branch=3
).model_copy(update={"snapshot_steps": 1})
"""At an S-th step the only sequence ends and its child is created."""

CHOSEN = st.builds(
    decoding,
    st.sampled_from(["parallel", "eager_init", "eager_adapt"]),
    st.integers(1, 5),
    max_tokens=st.integers(1, 60),
    entropy_threshold=st.sampled_from([0.5, 1.0, 1.5]),
    rule=st.sampled_from(["described", "authors"]),
    record_entropies=st.booleans(),
    max_steps_without_branch=st.integers(3, 40),
    snapshot_steps=st.integers(1, 12),
)


@settings(max_examples=150, deadline=None)
@given(CHOSEN, st.integers(0, 10**6), st.integers(0, 10**6))
def test_interrupted_anywhere_the_trees_are_the_same(
    chosen: DecodingSettings, seed: int, moments: int
) -> None:
    chance = random.Random(moments)
    with TemporaryDirectory() as name:
        folder, kills, runs = Path(name), 0, []
        while True:
            files = files_in(folder)
            _, steps = start(chosen, seed, EVERYTHING, files)
            left = chance.randrange(1, 40) if kills < 12 else 10**6
            runs, ended = [], True
            for number, finished in enumerate(steps):
                runs += finished
                if number == left:
                    ended = False
                    break
            if ended:
                break
            kills += 1
        assert content(runs) == undisturbed(chosen, seed)


@settings(max_examples=150, deadline=None)
@given(CHOSEN, st.integers(0, 10**6), st.integers(0, 60))
@example(LAST_TOKEN, 21492, 2)
def test_no_more_steps_are_lost_than_lie_between_two_states(
    chosen: DecodingSettings, seed: int, moment: int
) -> None:
    with TemporaryDirectory() as name:
        decoder, steps = start(chosen, seed, EVERYTHING, files_in(Path(name)))
        before = [next(steps, None) for _ in range(moment)]
        running = {live.run.prompt.id: live.run for live in decoder._live.values()}
        if None in before or not running:
            return
        again, steps = start(chosen, seed, EVERYTHING, files_in(Path(name)))
        next(steps)
        found = {live.run.prompt.id: live.run for live in again._live.values()}
        for prompt, run in running.items():
            assert run.tree is not None
            if len(found[prompt].finished) < len(run.finished):
                raise AssertionError("a finished round is lost")
            restored = found[prompt].tree
            assert restored is not None
            assert run.tree.steps - restored.steps < chosen.snapshot_steps


@settings(max_examples=300, deadline=None)
@given(
    CHOSEN,
    st.integers(0, 10**6),
    st.integers(1, 8),
    st.sampled_from([1, 4, 9, sys.maxsize]),
    st.lists(st.integers(0, 60), max_size=3),
)
def test_what_is_served_first_does_not_matter(
    chosen: DecodingSettings, seed: int, served: int, fitting: int, moments: list[int]
) -> None:
    """Nor how many sequences the engine decodes at once, nor interruptions besides."""
    with TemporaryDirectory() as name:
        for moment in moments:
            _, steps = start(chosen, seed, served, files_in(Path(name)), fitting)
            for _ in range(moment):
                next(steps, None)
        _, steps = start(chosen, seed, served, files_in(Path(name)), fitting)
        runs = [run for finished in steps for run in finished]
    assert content(runs) == undisturbed(chosen, seed)


@given(st.integers(0, 10**6), st.integers(1, 30))
def test_a_prompt_is_begun_when_its_cap_fits_in(seed: int, fitting: int) -> None:
    """Then no sequence of a prompt that branches waits for the others."""
    chosen = decoding("eager_init", 5, entropy_threshold=0.5, max_tokens=40)
    decoder, steps = start(chosen, seed, EVERYTHING, None, fitting)
    for _ in steps:
        assert decoder.live_sequences <= max(fitting, 5)


ADAPT = decoding("eager_adapt", 4, max_tokens=50, snapshot_steps=7, entropy_threshold=1.5)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_damaged_file_costs_what_lies_behind_the_damage(seed: int, place: int) -> None:
    expected, said = undisturbed(ADAPT, seed), []
    with TemporaryDirectory() as name:
        _, steps = start(ADAPT, seed, EVERYTHING, files_in(Path(name)))
        for _ in range(30):
            next(steps, None)
        path = Path(name, "0.states")
        if not path.exists():
            return
        whole = bytearray(path.read_bytes())
        cut = len(FORM) + place % (len(whole) - len(FORM))
        if place % 2:
            whole[cut] ^= 1
        else:
            del whole[cut:]
        path.write_bytes(whole)
        _, steps = start(ADAPT, seed, EVERYTHING, files_in(Path(name), said))
        for _ in range(30):
            next(steps, None)
        # What was kept after the damage counts.
        _, steps = start(ADAPT, seed, EVERYTHING, files_in(Path(name), said))
        runs = [run for finished in steps for run in finished]
    assert content(runs) == expected
    assert all("damaged from byte" in line for line in said)
    assert place % 2 == 0 or len(said) == 1


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(10, 45))
def test_a_last_state_that_was_cut_short_costs_one_interval(seed: int, moment: int) -> None:
    chosen = decoding("parallel", 4, entropy_threshold=None, max_tokens=50, snapshot_steps=5)
    with TemporaryDirectory() as name:
        decoder, steps = start(chosen, seed, EVERYTHING, files_in(Path(name)))
        for _ in range(moment):
            next(steps, None)
        before = {live.run.prompt.id: live.tree.steps for live in decoder._live.values()}
        for path in Path(name).iterdir():
            path.write_bytes(path.read_bytes()[:-1])
        again, steps = start(chosen, seed, EVERYTHING, files_in(Path(name)))
        next(steps)
        after = {live.run.prompt.id: live.tree.steps for live in again._live.values()}
    assert all(at - after[prompt] < 2 * chosen.snapshot_steps for prompt, at in before.items())


SAMPLES = decoding("parallel", 4, entropy_threshold=None, max_tokens=50, snapshot_steps=5)
TWO_KINDS = st.sampled_from([SAMPLES, ADAPT])


def check_what_is_left(chosen: DecodingSettings, seed: int, folder: Path) -> None:
    """Going on from the states in a folder makes what an undisturbed generation makes.

    Prompts that were finished before are made again: their states are the finished ones.
    """
    _, steps = start(chosen, seed, EVERYTHING, files_in(folder))
    runs = [run for finished in steps for run in finished]
    assert content(runs) == undisturbed(chosen, seed)


@settings(max_examples=60, deadline=None)
@given(TWO_KINDS, st.integers(0, 10**6), st.randoms(use_true_random=False))
def test_two_jobs_that_write_one_file_do_not_mix_their_states(
    chosen: DecodingSettings, seed: int, chance: random.Random
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        jobs = [start(chosen, seed, EVERYTHING, files_in(folder))[1] for _ in range(2)]
        for _ in range(30):
            next(chance.choice(jobs), None)
        # A third goes on from there while one of them still writes.
        jobs[0] = start(chosen, seed, EVERYTHING, files_in(folder))[1]
        for _ in range(10):
            next(chance.choice(jobs), None)
        check_what_is_left(chosen, seed, folder)


@settings(max_examples=60, deadline=None)
@given(TWO_KINDS, st.integers(0, 10**6), st.integers(1, 20), st.integers(1, 20))
def test_a_file_deleted_while_it_is_written_begins_with_the_whole_state(
    chosen: DecodingSettings, seed: int, before: int, after: int
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        files = files_in(folder)
        files.new_counts = lambda: {"steps": 1}
        _, steps = start(chosen, seed, EVERYTHING, files)
        for _ in range(before):
            next(steps, None)
        for path in folder.iterdir():
            path.unlink()
        for _ in range(after):
            next(steps, None)
        again = files_in(folder)
        for path in folder.iterdir():
            assert again.restore(int(path.stem))
            # The work of the states that are gone is not forgotten.
            assert again.counts(int(path.stem)) == files.counts(int(path.stem))
        check_what_is_left(chosen, seed, folder)


@pytest.mark.parametrize("place", [0, 9, len(FORM) - 1])
@pytest.mark.parametrize("cut", [False, True])
def test_damage_in_the_first_line_costs_the_states_before_it_only(
    tmp_path: Path, place: int, cut: bool
) -> None:
    expected, said = undisturbed(ADAPT, 5), []
    _, steps = start(ADAPT, 5, EVERYTHING, files_in(tmp_path))
    for _ in range(15):
        next(steps)
    path = tmp_path / "0.states"
    whole = bytearray(path.read_bytes())
    whole[place] ^= 0x80
    path.write_bytes(whole[: place + 1] if cut else whole)
    _, steps = start(ADAPT, 5, EVERYTHING, files_in(tmp_path, said))
    for _ in range(15):
        next(steps)
    assert said == [f"{path}: damaged from byte 0 on; only what lies before that counts"]
    # What is kept from then on counts.
    assert files_in(tmp_path).restore(0)
    _, steps = start(ADAPT, 5, EVERYTHING, files_in(tmp_path, said))
    assert content([run for finished in steps for run in finished]) == expected
    assert len(said) == 1


def test_a_file_of_another_version_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "0.states").write_bytes(b"eager snapshots 0\nsomething")
    said: list[str] = []
    _, steps = start(ADAPT, 5, EVERYTHING, files_in(tmp_path, said))
    assert content([run for found in steps for run in found]) == undisturbed(ADAPT, 5)
    assert (tmp_path / "0.states").read_bytes() == b"eager snapshots 0\nsomething"
    told = "of another version, left as it is; its prompt starts from the beginning"
    assert said == [f"{tmp_path}/0.states: {told}"]
