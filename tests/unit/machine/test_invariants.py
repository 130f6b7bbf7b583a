"""Every line of the page about a decoding turns to `differs` when what it is about is wrong."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from eager.algorithm.branching import Branch
from eager.data.prompts import Prompt, Vocabulary
from eager.machine import invariants, probes
from eager.machine.recording import EngineLog, place, record
from eager.machine.trial import resume_line
from tests.support import oracle
from tests.support.letters import LETTERS
from tests.support.scripted_engine import TOP, ScriptedEngine, decoding

CAP = 5
VOCABULARY = Vocabulary(end_of_sequence=(oracle.END,), context_length=100)


def log_of(seed: int) -> EngineLog:
    script = oracle.random_script(seed, 8, oracle.END, (), ties=True)
    engine = ScriptedEngine(script, frozenset({oracle.END}), TOP)
    chosen = decoding("eager_init", CAP, entropy_threshold=0.5)
    prompts = [Prompt(id=f"p{number}", token_ids=(number,)) for number in range(3)]
    return record(engine, chosen, prompts, VOCABULARY, LETTERS)[0]


@pytest.fixture
def log() -> EngineLog:
    """A decoding with branches that replaced what was sampled, so that requests were aborted."""
    for seed in count():
        found = log_of(seed)
        aborted = sum(request.aborted is not None for request in found.requests.values())
        if aborted >= 2 and max(place(name)[2] for name in found.requests) >= 3:
            return found
    raise AssertionError


def verdicts_in_blocks(log: EngineLog, block_size: int) -> dict[str, str]:
    found = invariants.check_log(log, TOP, block_size)
    return {found.name: found.verdict for found in found}


def verdicts(log: EngineLog) -> dict[str, str]:
    return verdicts_in_blocks(log, 16)


def first_branch(log: EngineLog) -> tuple[int, Branch]:
    return next((p, tree.branches[0]) for p, tree in log.trees.items() if tree.branches)


def _wrong_entropy(log: EngineLog) -> None:
    log.trees[0].sequences[0].entropies[0] += 1e-3


def _other_child(log: EngineLog) -> None:
    priority, branch = first_branch(log)
    changed = branch._replace(forked=branch.kept)
    log.trees[priority].branches[0] = changed


def _foreign_token(log: EngineLog) -> None:
    log.trees[0].sequences[0].tokens[-1] += 1


def _late(log: EngineLog) -> None:
    for name, request in log.requests.items():
        if place(name)[2] > 0 and request.aborted is None:
            for answer in request.answers:
                answer.step += 1


def _paused(log: EngineLog) -> None:
    request = max(
        (r for r in log.requests.values() if r.aborted is None), key=lambda r: len(r.answers)
    )
    request.answers[-1].step += 1


def _after_its_abort(log: EngineLog) -> None:
    request = next(r for r in log.requests.values() if r.aborted is not None)
    request.aborted = request.answers[-1].step


def _fewer_logprobs(log: EngineLog) -> None:
    request = next(iter(log.requests.values()))
    request.answers[0].logprobs.pop()


def test_a_sound_decoding_is_ok(log: EngineLog) -> None:
    assert set(verdicts(log).values()) == {"ok"}


@pytest.mark.parametrize(
    ("damage", "name"),
    [
        (_wrong_entropy, "entropies"),
        (_fewer_logprobs, "entropies"),
        (_other_child, "best and second token"),
        (_foreign_token, "source of each token"),
        (_late, "a step is a token"),
        (_paused, "a step is a token"),
        (_after_its_abort, "a step is a token"),
    ],
)
def test_each_fault_is_seen(log: EngineLog, damage: Callable[[EngineLog], None], name: str) -> None:
    damage(log)
    assert verdicts(log)[name] == "differs"


def test_a_prefix_that_is_computed_again_is_seen(log: EngineLog) -> None:
    """In blocks of one token only the last one may be computed again, and the token that is new."""
    for missing, verdict in ((2, "ok"), (3, "differs")):
        for request in log.requests.values():
            request.cached = len(request.token_ids) - missing
        assert verdicts_in_blocks(log, 1)["prefix cache"] == verdict


def test_seeds_are_compared(log: EngineLog) -> None:
    tokens = log.tokens()
    assert invariants.same_tokens("seed", tokens, tokens).verdict == "ok"
    assert invariants.other_tokens("seed", tokens, tokens).verdict == "differs"
    other = [[list(sequence) for sequence in prompt] for prompt in tokens]
    other[1][0][-1] += 1
    line = invariants.same_tokens("seed", tokens, other, "set it")
    assert (line.verdict, line.to_do) == ("differs", "set it")
    assert f"prompt 1, sequence 0 from token {len(tokens[1][0]) - 1} on" in line.found
    assert invariants.same_tokens("seed", tokens, tokens[:-1]).verdict == "differs"
    assert invariants.other_tokens("seed", tokens, other).verdict == "ok"
    assert invariants.same_tokens("seed", [], []).verdict == "differs"  # nothing was checked


def test_greedy_tokens_count_up_to_the_first_tie() -> None:
    expected = {"p": ([5, 6, 7, 8], [1.0, 0.5, 0.001, 2.0])}
    for found, verdict in (
        ([5, 6, 7, 8], "ok"),
        ([5, 6, 9, 9], "ok"),
        ([5, 9, 7, 8], "differs"),
        ([5], "differs"),
    ):
        line = invariants.greedy_agreement(expected, {"p": found}, tolerance=0.01)
        assert line.verdict == verdict, found


def test_logprobs_differ_by_rounding_only() -> None:
    for dtype, shift, verdict in (
        ("float32", 0.005, "ok"),
        ("float32", 0.1, "differs"),
        ("bfloat16", 0.1, "ok"),
        ("bfloat16", 0.5, "differs"),
    ):
        line = invariants.same_logprobs("cached", [-1.0, -2.0], [-2.0 - shift, -1.0], dtype)
        assert line.verdict == verdict
    assert invariants.same_logprobs("cached", [-1.0], [-1.0, -2.0], "float32").verdict == "differs"


def test_priorities() -> None:
    assert invariants.served_in_order([0, 1], [2, 3]).verdict == "ok"
    assert invariants.served_in_order([0, 2], [1, 3]).verdict == "differs"
    assert invariants.served_in_order([0, 1], []).verdict == "differs"


OPTIONS = {
    "device": "cuda",
    "v2_model_runner": True,
    "async_scheduling": False,
    "policy": "priority",
    "chunked_prefill": True,
    "prefix_caching": True,
    "logprobs_mode": "raw_logprobs",
    "sleep_mode": False,
    "in_this_process": True,
    "max_num_seqs": 512,
    "max_num_batched_tokens": 2048,
}


@pytest.mark.parametrize(
    "change",
    [
        {"v2_model_runner": False},
        {"async_scheduling": True},
        {"policy": "fcfs"},
        {"prefix_caching": False},
        {"chunked_prefill": False},
        {"logprobs_mode": "processed_logprobs"},
        {"sleep_mode": True},
        {"in_this_process": False},
        {"max_num_batched_tokens": 256},
    ],
)
def test_options_that_vllm_took_otherwise(change: dict) -> None:
    assert probes.configuration_line(OPTIONS).verdict == "ok"
    assert probes.configuration_line(OPTIONS | change).verdict == "differs"


def test_a_resume_keeps_what_was_finished() -> None:
    before, after = {"a": b"1"}, {"a": b"1", "b": b"2"}
    assert resume_line(before, after, prompts=2, found=1).verdict == "ok"
    for damaged in (
        resume_line({"a": b"0"}, after, prompts=2, found=1),
        resume_line({}, after, prompts=2, found=0),
        resume_line(before, after, prompts=2, found=0),
        resume_line(before, after, prompts=3, found=1),
        resume_line(after, after, prompts=2, found=2),
    ):
        assert damaged.verdict == "differs"
