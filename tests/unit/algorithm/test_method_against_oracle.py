"""The decision logic equals a literal reading of the method, on thousands of random cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eager.algorithm.allocation import (
    InitialResult,
    allocate,
    next_round,
    round_threshold,
    saved_budget,
)
from eager.algorithm.branching import BranchingRule, Observation, PromptTree
from eager.algorithm.entropy import top_k_entropy
from tests.support import oracle
from tests.support.letters import marker, marker_ids
from tests.support.oracle import END

# Mutation tests run these once a mutant.
LESS = 10 if settings.get_current_profile_name() == "mutants" else 1


def run_tree(script: oracle.Script, rule: BranchingRule) -> PromptTree:
    """Drive the real tree with the scripted model, as the decoder does with an engine."""
    tree = PromptTree(rule)
    while tree.live:
        observations = []
        for index, sequence in enumerate(tree.sequences):
            if sequence.finish_reason is None:
                step = script(tuple(tree.tokens(index)), index)
                observations.append(
                    Observation(
                        index, step.sampled, oracle.entropy(step), step.tokens[0], step.tokens[1]
                    )
                )
        tree.observe(observations)
    return tree


@st.composite
def cases(draw: st.DrawFn) -> tuple[oracle.Script, BranchingRule]:
    vocabulary = draw(st.integers(4, 9))
    ids = draw(
        st.one_of(
            st.just(()),
            st.lists(st.integers(1, vocabulary - 1), min_size=1, max_size=3).map(tuple),
        )
    )
    rule = BranchingRule(
        max_sequences=draw(st.integers(1, 8)),
        entropy_threshold=draw(st.sampled_from([0.0, 0.5, 1.0, 1.3, 1.6])),
        threshold_percentile=draw(st.sampled_from([0, 50, 90, 99, 100])),
        max_steps_without_branch=draw(st.sampled_from([1, 2, 5, 1000])),
        max_tokens=draw(st.integers(1, 25)),
        end_of_sequence=frozenset({END}),
        end_of_thinking=marker(ids),
    )
    script = oracle.random_script(
        draw(st.integers(0, 10**9)), vocabulary, END, ids, ties=draw(st.booleans())
    )
    return script, rule


@settings(max_examples=2000 // LESS)
@given(cases())
def test_trees_equal_a_literal_reading(case: tuple[oracle.Script, BranchingRule]) -> None:
    script, rule = case
    expected = oracle.eager_init(
        script,
        max_sequences=rule.max_sequences,
        theta=rule.entropy_threshold,
        percentile=rule.threshold_percentile,
        patience=rule.max_steps_without_branch,
        max_tokens=rule.max_tokens,
        end_of_sequence=set(rule.end_of_sequence),
        marker=marker_ids(rule),
    )
    tree = run_tree(script, rule)
    assert [tuple(branch) for branch in tree.branches] == expected.branches
    assert len(tree.sequences) == len(expected.sequences) <= rule.max_sequences
    for index, (ours, theirs) in enumerate(zip(tree.sequences, expected.sequences, strict=True)):
        assert tree.tokens(index).tolist() == theirs.ids
        assert (ours.parent, ours.fork_position) == (theirs.parent, theirs.fork_position)
        assert ours.finish_reason == theirs.finish
        recorded = list(ours.entropies)
        recorded += [math.nan] * (ours.length - ours.fork_position - len(recorded))
        wanted = [math.nan if e is None else e for e in theirs.entropies[ours.fork_position :]]
        np.testing.assert_allclose(recorded, wanted, rtol=1e-6)


@settings(max_examples=1000 // LESS)
@given(
    st.sampled_from(["eager_adapt", "eager"]),
    st.integers(1, 8),
    st.data(),
    st.floats(0.1, 3.0),
)
def test_allocation_equals_a_literal_reading(
    method: str, max_sequences: int, data: st.DataObject, theta: float
) -> None:
    counts = data.draw(st.lists(st.integers(1, max_sequences), min_size=1, max_size=12))
    solved = data.draw(st.lists(st.booleans(), min_size=len(counts), max_size=len(counts)))
    initial = [
        InitialResult(str(i), count, None if method == "eager_adapt" else right)
        for i, (count, right) in enumerate(zip(counts, solved, strict=True))
    ]
    budget, expected = oracle.shares(method, counts, solved, max_sequences)
    shares = allocate(method, initial, max_sequences)  # type: ignore[arg-type]
    assert saved_budget(initial, max_sequences) == budget
    assert [share.share for share in shares] == expected
    assert sum(expected) <= budget
    for share in shares:
        rounds = oracle.thresholds(theta, share.saturated, 8)
        ours = [round_threshold(theta, share.saturated, number) for number in range(1, 9)]
        np.testing.assert_allclose(ours, rounds, rtol=1e-12)


@given(st.integers(1, 8), st.integers(0, 24), st.booleans(), st.data())
def test_rounds_end_exactly_at_the_share(
    max_sequences: int, share: int, saturated: bool, data: st.DataObject
) -> None:
    from eager.algorithm.allocation import Share

    given_share = Share("p", max_sequences, saturated, None, share, "")
    generated, rounds = 0, 0
    while (following := next_round(given_share, generated, rounds, 2.0)) is not None:
        assert following.number == rounds + 1
        assert following.roots == 1
        assert following.max_sequences == share - generated
        generated += data.draw(st.integers(1, following.max_sequences))
        rounds += 1
    assert generated == share


@pytest.mark.parametrize(
    ("saturated", "expected"),
    [
        (True, [2.0, 2.0, 1.8, 1.8, 1.8]),
        (False, [1.6, 1.28, 2 * 0.8**3 * 0.9, 2 * 0.8**4 * 0.81, 2 * 0.8**5 * 0.729]),
    ],
)
def test_round_thresholds_of_the_paper(saturated: bool, expected: list[float]) -> None:
    ours = [round_threshold(2.0, saturated, number) for number in range(1, 6)]
    assert ours == pytest.approx(expected, rel=1e-12)


@given(st.lists(st.lists(st.floats(-60, 0), min_size=20, max_size=20), min_size=1, max_size=5))
def test_entropy_equals_scipy(rows: list[list[float]]) -> None:
    from scipy.stats import entropy

    ours = top_k_entropy(np.array(rows))
    np.testing.assert_allclose(ours, entropy(np.exp(rows), axis=1), rtol=1e-9, atol=1e-12)
    assert np.all(ours >= 0)
    assert np.all(ours <= math.log(20) + 1e-12)


def test_entropy_takes_impossible_tokens() -> None:
    row = np.array([[math.log(0.5), math.log(0.5), -math.inf]])
    assert top_k_entropy(row)[0] == pytest.approx(math.log(2))
