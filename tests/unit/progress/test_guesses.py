"""Guesses from the nearest figure: its order, its scale, its words, and how far it may be off."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eager.progress.guesses import Fact, guess, nearest
from eager.progress.history import Key
from eager.progress.knowledge import known_facts
from eager.report.tables.published import read_published
from tests.support.estimates import key
from tests.support.repository import ROOT

KINDS = {"d": "math", "e": "math", "f": "code"}
PLANNED = key("eager_init", max_sequences=8, entropy_threshold=2.0)
# From the nearest to the farthest.
ORDER = [
    PLANNED,
    PLANNED._replace(threshold=2.2),
    PLANNED._replace(threshold=1.0),
    PLANNED._replace(temperature=1.0),
    PLANNED._replace(max_sequences=16),
    PLANNED._replace(max_sequences=32),
    PLANNED._replace(rule="authors"),
    PLANNED._replace(model="n"),
    PLANNED._replace(model="n", max_sequences=4),
    PLANNED._replace(dataset="e"),
    PLANNED._replace(dataset="e", rule="authors"),
    PLANNED._replace(dataset="f"),
    PLANNED._replace(model="n", dataset="e"),
    PLANNED._replace(method="eager"),
    PLANNED._replace(method="eager", rule="authors", max_sequences=32),
    key("parallel", max_sequences=8),
]


@given(st.permutations([Fact(found, 100.0, measured=True) for found in ORDER]))
def test_the_nearest_come_in_a_clear_order(facts: list[Fact]) -> None:
    seen = []
    while facts:
        found = nearest(PLANNED, facts, KINDS)
        seen += [fact.key for fact in found]
        facts = [fact for fact in facts if fact not in found]
    assert seen == ORDER


def test_measured_comes_before_published_and_other_places_say_nothing() -> None:
    facts = [Fact(PLANNED, 1.0, measured=False), Fact(PLANNED, 2.0, measured=True)]
    assert [fact.tokens for fact in nearest(PLANNED, facts, KINDS)] == [2]
    other = Fact(key("eager", model="n"), 5.0, measured=True)
    assert guess(PLANNED, [other], KINDS) is None


def found(planned: Key, facts: dict[Key, float], *, measured: bool = True) -> tuple[float, str]:
    known = [Fact(of, tokens, measured=measured) for of, tokens in facts.items()]
    told = guess(planned, known, KINDS)
    assert told is not None
    return told.tokens, told.words


def test_guesses_worked_out_by_hand() -> None:
    assert found(PLANNED, {PLANNED._replace(threshold=2.5, max_sequences=4): 300.0}) == (
        600,
        "the same model and data set, M 4 scaled in proportion to M, theta 2.5",
    )
    # 50 tokens per sample here, 100 there: half as many as there.
    here, there = key("parallel", max_sequences=2), key("parallel", model="n", max_sequences=4)
    known = {PLANNED._replace(model="n"): 700.0, here: 100.0, there: 400.0}
    assert found(PLANNED, known) == (
        350,
        "the share of Full Parallel's tokens as in n on the same data set",
    )
    del known[here]
    assert found(PLANNED, known) == (700, "n on the same data set")
    both = {
        PLANNED._replace(dataset="e", model=name): tokens
        for name, tokens in zip("no", (1, 3), strict=True)
    }
    assert found(PLANNED, both, measured=False) == (2, "the mean of n on e and o on e, published")
    by_authors = {PLANNED._replace(rule="authors"): 9.0}
    words = "the same model and data set, rule authors, published"
    assert found(PLANNED, by_authors, measured=False) == (9, words)
    assert found(PLANNED, {here: 100.0}) == (
        400,
        "parallel of the same model and data set, M 2 scaled in proportion to M",
    )


keys = st.builds(
    Key,
    model=st.sampled_from("mno"),
    dataset=st.sampled_from("def"),
    method=st.sampled_from(["parallel", "eager_init", "eager"]),
    max_sequences=st.sampled_from([2, 4, 32]),
    threshold=st.sampled_from([None, 1.0, 2.5]),
    temperature=st.sampled_from([0.6, 1.0]),
    rule=st.sampled_from([None, "described", "authors"]),
)
facts_lists = st.lists(
    st.builds(Fact, keys, st.floats(1, 1e6), measured=st.booleans()),
    unique_by=lambda fact: (fact.key, fact.measured),
)


@given(keys, facts_lists, st.integers(2, 9))
def test_guesses_grow_with_what_they_are_from(planned: Key, facts: list[Fact], by: int) -> None:
    told = guess(planned, facts, KINDS)
    larger = [Fact(fact.key, fact.tokens * by, fact.measured) for fact in facts]
    again = guess(planned, larger, KINDS)
    if told is None or again is None:
        assert told is again
        return
    assert again.tokens == pytest.approx(by * told.tokens)
    assert again.words == told.words
    twice = guess(planned._replace(max_sequences=2 * planned.max_sequences), told.facts, KINDS)
    once = guess(planned, told.facts, KINDS)
    assert twice is not None
    assert once is not None
    assert twice.tokens == pytest.approx(2 * once.tokens)


def of_parallel(planned: Key, fact: Key) -> bool:
    return "parallel" == fact.method != planned.method and fact[:2] == planned[:2]


@pytest.mark.parametrize(
    ("left", "worst"),
    [
        (lambda planned, fact: fact != planned and fact[:3] == planned[:3], 1.2),
        (lambda planned, fact: fact.model != planned.model or of_parallel(planned, fact), 2.75),
        (lambda planned, fact: fact.model != planned.model, 3.6),
        (lambda planned, fact: fact.dataset != planned.dataset, 2.82),
        (
            lambda planned, fact: fact.model != planned.model and fact.dataset != planned.dataset,
            4.8,
        ),
    ],
    ids=["another M", "another model, parallel known", "model", "data set", "both"],
)
def test_published_counts_are_guessed_from_the_others_within_what_is_told(
    left: Callable[[Key, Key], bool], worst: float
) -> None:
    kinds = {"AIME2025": "math", "GPQA-Diamond": "choice"}
    facts = known_facts([], read_published(ROOT / "config/published.csv"), 0.6)
    errors = []
    for fact in facts:
        others = [other for other in facts if left(fact.key, other.key)]
        told = guess(fact.key, others, kinds)
        assert told is not None
        errors.append(max(told.tokens / fact.tokens, fact.tokens / told.tokens))
    assert len(errors) == 80
    assert max(errors) == pytest.approx(worst, rel=0.01)
