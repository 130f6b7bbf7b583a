"""The rule `authors` makes the decisions of the authors' program, recorded and read literally."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eager.algorithm import allocation
from eager.algorithm.allocation import InitialResult, allocate, next_round
from eager.algorithm.branching import BranchingRule, Observation, PromptTree
from eager.algorithm.rules import AUTHORS, DESCRIBED, Points
from tests.support import authors_program, oracle
from tests.support.authors_runs import STEPS, Run, read_run
from tests.support.letters import marker, marker_ids
from tests.support.replay import RoundReplay

END = 0
PRINTED = 6e-5
"""The lists of entropies that thresholds are taken from have four digits."""
# Mutation tests run these once a mutant.
LESS = 10 if settings.get_current_profile_name() == "mutants" else 1


def as_recorded(replay: RoundReplay, branches: int) -> bool:
    """Whether a replayed round is the recorded one, which has a number of branches."""
    ours, theirs = replay.decisions, replay.recorded(branches)
    return (
        [replace(d, threshold=0) for d in ours] == [replace(d, threshold=0) for d in theirs]
        and np.allclose([d.threshold for d in ours], [d.threshold for d in theirs], 0, PRINTED)
        and set(replay.steps_recorded()) == {replay.tree.steps}
    )


def first_rounds(run: Run, points: Points) -> Iterator[bool]:
    """Of each prompt of EAGer-init: are its branches the recorded ones?"""
    for prompt in run.initial:
        replay = RoundReplay(
            prompt, 0, 0, cap=run.max_sequences, theta=run.theta, steps=run.steps, points=points
        )
        complete = len(replay.tree.sequences) == len(prompt.entropies)
        yield complete and as_recorded(replay, len(prompt.branches))


def budgeted_rounds(run: Run, points: Points) -> Iterator[bool]:
    """Of each budgeted round, and at a prompt's end of their number: as recorded?"""
    initial = [
        InitialResult(str(number), len(prompt.entropies), prompt.solved)
        for number, prompt in enumerate(run.initial)
    ]
    for number, share in enumerate(allocate("eager", initial, run.max_sequences, points)):
        # Their notes print a share before the cap of M.
        yield share.share == min(run.max_sequences, run.shares.get(number, 0))
        prompt, before = run.budgeted[number], run.initial[number]
        first, record = len(before.entropies), len(before.branches)
        rounds = 0
        while True:
            generated = first - len(before.entropies)
            following = next_round(share, generated, rounds, run.theta, points)
            if following is None or first >= len(prompt.entropies):
                break
            replay = RoundReplay(
                *(prompt, first, record),
                cap=following.max_sequences,
                theta=following.entropy_threshold,
                steps=run.steps,
                points=points,
            )
            yield as_recorded(replay, len(replay.tree.branches))
            first += len(replay.tree.sequences)
            record += len(replay.tree.branches)
            rounds += 1
        ends = (first, record) == (len(prompt.entropies), len(prompt.branches))
        yield ends and following is None


@pytest.mark.parametrize("name", STEPS)
def test_every_recorded_prompt_and_round_is_decided_as_it_was(name: str) -> None:
    run = read_run(name)
    assert [*first_rounds(run, AUTHORS)] == [True] * len(run.initial)
    rounds = [*budgeted_rounds(run, AUTHORS)]
    assert len(rounds) > 2 * len(run.initial)
    assert all(rounds)


@pytest.mark.parametrize(
    "point",
    [
        "fork_counts_twice",
        "cap_counts_places",
        "ends_drawn_again",
        "ended_are_active",
        "limit_counts_steps",
        "round_may_fill_share",
        "unsolved_share_alike",
    ],
)
def test_no_point_can_be_left_out(point: str) -> None:
    points = replace(AUTHORS, **{point: False})
    runs = [read_run(name) for name in STEPS]
    assert not all(
        same
        for run in runs
        for part in (first_rounds, budgeted_rounds)
        for same in part(run, points)
    )


def test_nor_the_further_ten_percent_of_later_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocation, "LATE_ROUND_FACTOR", 1.0)
    assert not all(budgeted_rounds(read_run("wide"), AUTHORS))


def test_the_method_as_described_decides_otherwise() -> None:
    same = [same for name in STEPS for same in first_rounds(read_run(name), DESCRIBED)]
    assert 0 < sum(same) < len(same) / 4


def run_tree(script: oracle.Script, rule: BranchingRule) -> PromptTree:
    """Drive the tree with a scripted model, as the decoder does with an engine."""
    tree = PromptTree(rule)
    while tree.live:
        observations = []
        for index, sequence in enumerate(tree.sequences):
            if sequence.finish_reason is None:
                step = script(tuple(tree.tokens(index)), sequence.ends_drawn)
                h = oracle.entropy(step)
                observations.append(Observation(index, step.sampled, h, *step.tokens[:2]))
        tree.observe(observations)
    return tree


@st.composite
def cases(draw: st.DrawFn) -> tuple[oracle.Script, BranchingRule]:
    vocabulary = draw(st.integers(4, 9))
    tokens = st.integers(1, vocabulary - 1)
    ids = draw(st.just(()) | st.lists(tokens, min_size=1, max_size=3).map(tuple))
    rule = BranchingRule(
        max_sequences=draw(st.integers(1, 9)),
        entropy_threshold=draw(st.sampled_from([0.0, 0.5, 1.0, 1.3, 1.6])),
        threshold_percentile=draw(st.sampled_from([0, 50, 90, 99, 100])),
        max_steps_without_branch=draw(st.sampled_from([1, 2, 5, 1000])),
        max_tokens=draw(st.integers(1, 25)),
        end_of_sequence=frozenset({END}),
        end_of_thinking=marker(ids),
        points=AUTHORS,
    )
    script = oracle.random_script(
        draw(st.integers(0, 10**9)), vocabulary, END, ids, ties=draw(st.booleans())
    )
    return authors_program.with_draws(script, END), rule


@settings(max_examples=2000 // LESS)
@given(cases())
def test_trees_equal_a_literal_reading(case: tuple[oracle.Script, BranchingRule]) -> None:
    script, rule = case
    expected = authors_program.eager_init(
        script,
        max_sequences=rule.max_sequences,
        theta=rule.entropy_threshold,
        percentile=rule.threshold_percentile,
        patience=rule.max_steps_without_branch,
        steps=rule.max_tokens,
        ends=set(rule.end_of_sequence),
        marker=marker_ids(rule),
    )
    tree = run_tree(script, rule)
    assert [(b.step, b.parent, b.child, *b[4:]) for b in tree.branches] == expected.branches
    assert [tree.tokens(i).tolist() for i in range(len(tree.sequences))] == expected.texts
    assert [s.finish_reason for s in tree.sequences] == expected.finish
    assert [s.ends_drawn for s in tree.sequences] == expected.ends_drawn
    for ours, theirs in zip(tree.sequences, expected.entropies, strict=True):
        assert ours.birth == theirs.count(authors_program.INHERITED)
        np.testing.assert_allclose(ours.step_entropies, theirs[ours.birth :], rtol=1e-6)


@settings(max_examples=1000 // LESS)
@given(st.sampled_from(["eager_adapt", "eager"]), st.integers(1, 8), st.data())
def test_shares_equal_a_literal_reading(
    method: allocation.BudgetMethod, max_sequences: int, data: st.DataObject
) -> None:
    counts = data.draw(st.lists(st.integers(1, max_sequences), min_size=1, max_size=12))
    solved = data.draw(st.lists(st.booleans(), min_size=len(counts), max_size=len(counts)))
    initial = [
        InitialResult(str(i), count, None if method == "eager_adapt" else right)
        for i, (count, right) in enumerate(zip(counts, solved, strict=True))
    ]
    ours = [share.share for share in allocate(method, initial, max_sequences, AUTHORS)]
    assert ours == authors_program.shares(method, counts, solved, max_sequences)
