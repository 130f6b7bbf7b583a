"""The decoder's trees through an engine equal those of the decision logic alone."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from eager.algorithm.allocation import Round, Share, next_round
from eager.config.settings import DecodingSettings
from eager.data.prompts import Prompt, Vocabulary
from eager.generation.decoder import Decoder, PromptRun, request_seed
from tests.support import oracle
from tests.support.oracle import END
from tests.support.scripted_engine import TOP, ScriptedEngine, decoding, one_round


def decode(
    script: oracle.Script,
    chosen: DecodingSettings,
    vocabulary: Vocabulary,
    work: list,
) -> tuple[list[PromptRun], ScriptedEngine, Decoder]:
    engine = ScriptedEngine(script, frozenset(vocabulary.end_of_sequence), TOP)
    decoder = Decoder(engine, chosen, vocabulary)
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
)
def test_trees_through_the_engine_equal_the_literal_reading(
    seed: int, max_sequences: int, theta: float, marker: tuple[int, ...], prompts: int
) -> None:
    script = oracle.random_script(seed, 8, END, marker, ties=True)
    expected = oracle.eager_init(
        script,
        max_sequences=max_sequences,
        theta=theta,
        percentile=99,
        patience=1000,
        max_tokens=20,
        end_of_sequence={END},
        marker=marker,
    )
    chosen = decoding("eager_init", max_sequences, entropy_threshold=theta)
    vocabulary = Vocabulary(end_of_sequence=(END,), end_of_thinking=marker, context_length=64)
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


@given(st.integers(0, 10**9), st.integers(1, 8))
def test_parallel_asks_for_no_logprobs_and_gives_all_sequences(seed: int, sequences: int) -> None:
    script = oracle.random_script(seed, 8, END, (), ties=False)
    vocabulary = Vocabulary(end_of_sequence=(END,), end_of_thinking=(), context_length=64)
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


@given(st.integers(0, 10**9), st.integers(1, 6), st.integers(0, 18), st.booleans())
def test_budgeted_rounds_give_exactly_the_share(
    seed: int, max_sequences: int, share: int, saturated: bool
) -> None:
    script = oracle.random_script(seed, 8, END, (), ties=False)
    vocabulary = Vocabulary(end_of_sequence=(END,), end_of_thinking=(), context_length=64)
    given_share = Share("a", max_sequences, saturated, None, share, "")
    runs, engine, _ = decode(
        script,
        decoding("eager_adapt", max_sequences),
        vocabulary,
        [
            (
                Prompt(id="a", token_ids=(100,)),
                lambda finished, count: next_round(
                    given_share, count, finished, 1.0, max_sequences
                ),
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

    vocabulary = Vocabulary(end_of_sequence=(END,), end_of_thinking=(), context_length=12)
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
    assert len({request_seed(*arguments) for arguments in [base, *others]}) == 6
    assert request_seed(*base) == 1322993003826340434
    assert all(0 <= request_seed(*arguments) < 2**63 for arguments in others)


def test_more_prompts_change_no_seed() -> None:
    script = oracle.random_script(3, 8, END, (), ties=False)
    vocabulary = Vocabulary(end_of_sequence=(END,), end_of_thinking=(), context_length=64)
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
