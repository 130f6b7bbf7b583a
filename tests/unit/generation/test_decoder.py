"""The decoder's trees through an engine equal those of the decision logic alone."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eager.algorithm.allocation import Round, Share, next_round
from eager.algorithm.rules import RuleName
from eager.config.settings import DecodingSettings
from eager.data.prompts import Prompt, Vocabulary
from eager.data.tokenization import Texts
from eager.generation.decoder import Decoder, PromptRun, request_seed
from eager.generation.engine import EngineOutput
from tests.support import authors_program, oracle
from tests.support.letters import LETTERS, Letters, spelled
from tests.support.oracle import END
from tests.support.scripted_engine import TOP, ScriptedEngine, decoding, one_round


def decode(
    script: oracle.Script,
    chosen: DecodingSettings,
    vocabulary: Vocabulary,
    work: list,
) -> tuple[list[PromptRun], ScriptedEngine, Decoder]:
    engine = ScriptedEngine(script, frozenset(vocabulary.end_of_sequence), TOP)
    decoder = Decoder(engine, chosen, vocabulary, LETTERS)
    runs = [run for finished in decoder.run(work) for run in finished]
    assert not engine.requests
    return sorted(runs, key=lambda run: run.priority), engine, decoder


@settings(max_examples=300)
@given(
    st.integers(0, 10**9),
    st.integers(1, 8),
    st.sampled_from([0.5, 1.0, 1.5]),
    st.lists(st.integers(1, 7), max_size=2).map(tuple),
    st.integers(1, 4),
    st.sets(st.integers(1, 7), max_size=2),
)
def test_trees_through_the_engine_equal_the_literal_reading(
    seed: int,
    max_sequences: int,
    theta: float,
    marker: tuple[int, ...],
    prompts: int,
    stops: set[int],
) -> None:
    """Of the tokens that end a sequence the engine is not told those that are stops by text."""
    script = oracle.random_script(seed, 8, END, marker, ties=True)
    expected = oracle.eager_init(
        script,
        max_sequences=max_sequences,
        theta=theta,
        percentile=99,
        patience=1000,
        max_tokens=20,
        end_of_sequence={END, *stops},
        marker=marker,
    )
    chosen = decoding("eager_init", max_sequences, entropy_threshold=theta)
    vocabulary = Vocabulary(
        end_of_sequence=(END,),
        context_length=64,
        stop=tuple(spelled((token,)) for token in stops),
        end_of_thinking=spelled(marker),
    )
    first = one_round(Round(0, 1, max_sequences, theta))
    work = [(Prompt(id=str(i), token_ids=(100 + i,)), first) for i in range(prompts)]
    runs, engine, decoder = decode(script, chosen, vocabulary, work)
    assert [run.prompt.id for run in runs] == [str(i) for i in range(prompts)]
    for run in runs:
        ((_, tree),) = run.finished
        assert [tree.tokens(i).tolist() for i in range(len(tree.sequences))] == [
            sequence.ids for sequence in expected.sequences
        ]
        assert [branch[:4] for branch in tree.branches] == [b[:4] for b in expected.branches]
    assert decoder.counters.forks == prompts * len(expected.branches)
    # A sequence that is submitted again does not draw its first random numbers once more.
    assert len({request.seed for request in engine.submitted}) == len(engine.submitted)


@settings(max_examples=300)
@given(st.integers(0, 10**9), st.integers(1, 8), st.sampled_from([0.5, 1.0, 1.5]))
def test_the_authors_rule_through_the_engine_equals_the_literal_reading(
    seed: int, max_sequences: int, theta: float
) -> None:
    script = authors_program.with_draws(oracle.random_script(seed, 8, END, (), ties=True), END)
    expected = authors_program.eager_init(
        with_sampled_token(script),
        max_sequences=max_sequences,
        theta=theta,
        percentile=99,
        patience=1000,
        steps=20,
        ends={END},
        marker=(),
    )
    chosen = decoding("eager_init", max_sequences, entropy_threshold=theta, rule="authors")
    vocabulary = Vocabulary(end_of_sequence=(END,), context_length=64)
    first = one_round(Round(0, 1, max_sequences, theta))
    work = [(Prompt(id=str(i), token_ids=(100 + i,)), first) for i in range(2)]
    runs, engine, _ = decode(script, chosen, vocabulary, work)
    for run in runs:
        ((_, tree),) = run.finished
        assert [tree.tokens(i).tolist() for i in range(len(tree.sequences))] == expected.texts
        assert [s.finish_reason for s in tree.sequences] == expected.finish
        assert [s.ends_drawn for s in tree.sequences] == expected.ends_drawn
    # No draw of an end repeats the random numbers of the one before it.
    assert len({request.seed for request in engine.submitted}) == len(engine.submitted)


def with_sampled_token(script: oracle.Script) -> oracle.Script:
    """What the engine tells of a step: a sampled token outside of the top is one entry more."""

    def told(ids: tuple[int, ...], draw: int) -> oracle.Step:
        step = script(ids, draw)
        if step.sampled in step.tokens:
            return step
        tokens = [*step.tokens, step.sampled]
        return oracle.Step(tokens, [*step.probabilities, math.exp(-1.0)], step.sampled)

    return told


class CrowdedEngine(ScriptedEngine):
    """Serves a few requests per step, the longest waiting first."""

    def step(self) -> list[EngineOutput]:
        self.steps += 1
        served = list(self.requests)[:3]
        outputs = [self._advance(request_id) for request_id in served]
        for request_id in served:
            if request_id in self.requests:
                self.requests[request_id] = self.requests.pop(request_id)
        return outputs


@given(st.integers(0, 10**9))
def test_sequences_that_wait_for_their_turn_end_with_their_prompt(seed: int) -> None:
    script = authors_program.with_draws(oracle.random_script(seed, 8, END, (), ties=True), END)
    chosen = decoding("eager_init", 8, entropy_threshold=0.5, rule="authors")
    vocabulary = Vocabulary(end_of_sequence=(END,), context_length=64)
    engine = CrowdedEngine(script, frozenset({END}), TOP)
    decoder = Decoder(engine, chosen, vocabulary, LETTERS)
    first = one_round(Round(0, 1, 8, 0.5))
    work = [(Prompt(id=str(i), token_ids=(100 + i,)), first) for i in range(2)]
    runs = [run for finished in decoder.run(work) for run in finished]
    assert not engine.requests
    assert decoder.live_sequences == 0
    sequences = [s for run in runs for s in run.finished[0][1].sequences]
    assert all(s.finish_reason is not None and s.length <= 20 for s in sequences)


@pytest.mark.parametrize(
    ("rule", "marker", "known"),
    [
        ("described", "</think>", True),
        ("described", "<answer>", True),
        ("authors", "</think>", True),
        ("authors", "<answer>", False),
    ],
)
def test_the_authors_program_knows_one_marker(rule: RuleName, marker: str, known: bool) -> None:
    texts = Texts(Letters(["<end>", marker, "x"]))

    # Every step is unsure of itself; the marker is what all sequences begin with.
    def script(ids: tuple[int, ...], _: int) -> oracle.Step:
        return oracle.Step([1, 2, 0], [0.34, 0.33, 0.33], 1)

    vocabulary = Vocabulary(end_of_sequence=(END,), end_of_thinking=marker, context_length=9)
    decoder = Decoder(
        ScriptedEngine(script, frozenset({END}), TOP),
        decoding("eager_init", 3, entropy_threshold=0.5, rule=rule),
        vocabulary,
        texts,
    )
    work = [(Prompt(id="p", token_ids=(2,)), one_round(Round(0, 1, 3, 0.5)))]
    (run,) = [run for finished in decoder.run(work) for run in finished]
    assert (run.finished[0][1].branches == []) is known


@given(st.integers(0, 10**9), st.integers(1, 8))
def test_parallel_asks_for_no_logprobs_and_gives_all_sequences(seed: int, sequences: int) -> None:
    script = oracle.random_script(seed, 8, END, (), ties=False)
    vocabulary = Vocabulary(end_of_sequence=(END,), context_length=64)
    first = one_round(Round(0, sequences, sequences, 0.0))
    runs, engine, _ = decode(
        script,
        decoding("parallel", sequences),
        vocabulary,
        [(Prompt(id="a", token_ids=(100,)), first)],
    )
    ((_, tree),) = runs[0].finished
    assert len(tree.sequences) == sequences
    assert len(engine.submitted) == sequences
    assert not any(request.with_logprobs for request in engine.submitted)
    assert len({request.seed for request in engine.submitted}) == sequences


@settings(max_examples=50)
@given(st.integers(0, 10**9), st.integers(1, 5))
def test_parallel_records_the_entropy_of_every_token_if_asked(seed: int, sequences: int) -> None:
    script = oracle.random_script(seed, 8, END, (), ties=False)
    chosen = decoding("parallel", sequences, entropy_threshold=None, record_entropies=True)
    vocabulary = Vocabulary(end_of_sequence=(END,), context_length=64)
    work = [
        (Prompt(id=str(i), token_ids=(i,)), one_round(Round(0, sequences, sequences, 0.0)))
        for i in range(2)
    ]
    runs, _, _ = decode(script, chosen, vocabulary, work)
    for run in runs:
        ((_, tree),) = run.finished
        for index, sequence in enumerate(tree.sequences):
            ids = tree.tokens(index).tolist()
            expected = [oracle.entropy(script(tuple(ids[:n]), 0)) for n in range(len(ids))]
            assert list(sequence.entropies) == pytest.approx(expected, abs=1e-5)


@given(st.integers(0, 10**9), st.integers(1, 6), st.integers(0, 18), st.booleans())
def test_budgeted_rounds_give_exactly_the_share(
    seed: int, max_sequences: int, share: int, saturated: bool
) -> None:
    script = oracle.random_script(seed, 8, END, (), ties=False)
    vocabulary = Vocabulary(end_of_sequence=(END,), context_length=64)
    given_share = Share("a", max_sequences, saturated, None, share, "")
    runs, engine, _ = decode(
        script,
        decoding("eager_adapt", max_sequences),
        vocabulary,
        [
            (
                Prompt(id="a", token_ids=(100,)),
                lambda finished, count: next_round(given_share, count, finished, 1.0),
            )
        ],
    )
    (run,) = runs
    assert run.sequences == share
    assert [round_.number for round_, _ in run.finished] == list(range(1, len(run.finished) + 1))
    assert (engine.steps == 0) == (share == 0)


def test_the_context_limits_an_answer() -> None:
    def never_ends(ids: tuple[int, ...], index: int) -> oracle.Step:
        return oracle.Step([1, 2], [0.5, 0.5], 1)

    vocabulary = Vocabulary(end_of_sequence=(END,), context_length=12)
    runs, _, _ = decode(
        never_ends,
        decoding("parallel", 1, max_tokens=None),
        vocabulary,
        [(Prompt(id="a", token_ids=(100,)), one_round(Round(0, 1, 1, 0.0)))],
    )
    (sequence,) = runs[0].finished[0][1].sequences
    assert (sequence.length, sequence.finish_reason) == (11, "length")


def test_seeds_depend_on_every_argument_and_nothing_else() -> None:
    base = (55, "a", 0, 0, 0)
    others = [(56, "a", 0, 0, 0), (55, "b", 0, 0, 0), (55, "a", 1, 0, 0), (55, "a", 0, 1, 0)]
    others.append((55, "a", 0, 0, 1))
    others.append((55, "a", 0, 0, 0, 1))
    assert len({request_seed(*arguments) for arguments in [base, *others]}) == 7
    assert request_seed(*base) == 1322993003826340434
    assert all(0 <= request_seed(*arguments) < 2**63 for arguments in others)


def test_more_prompts_change_no_seed() -> None:
    script = oracle.random_script(3, 8, END, (), ties=False)
    vocabulary = Vocabulary(end_of_sequence=(END,), context_length=64)
    chosen = decoding("eager_init", 6)
    first = one_round(Round(0, 1, 6, 1.0))

    def seeds(names: list[str]) -> dict[int, list[int]]:
        work = [(Prompt(id=name, token_ids=(ord(name),)), first) for name in names]
        _, engine, _ = decode(script, chosen, vocabulary, work)
        found: dict[int, list[int]] = {}
        for request in engine.submitted:
            found.setdefault(request.prompt, []).append(request.seed)
        return found

    few, many = seeds(["a", "b"]), seeds(["x", "a", "y", "b"])
    assert {key: many[key] for key in few} == few
