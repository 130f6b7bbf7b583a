"""What comes first: measured, at another M, published by the same rule, guessed, nothing."""

from __future__ import annotations

from eager.progress.guesses import Fact
from eager.progress.history import FormerRun, Key
from eager.progress.knowledge import PerPrompt, known_facts, per_prompt
from eager.report.tables.published import PublishedFigures
from tests.support.estimates import key, published, run

KINDS = {"d": "math", "e": "math"}


def known(
    planned: Key, runs: list[FormerRun], facts: list[PublishedFigures] | None = None
) -> PerPrompt:
    return per_prompt(planned, runs, known_facts(runs, facts or [], 0.6), KINDS)


def test_measured_comes_before_published_and_parallel_scales_with_m() -> None:
    runs = [run("eager_init", seed=2), run("parallel", max_sequences=2)]
    facts = [published("eager_init", 7.0), published("parallel", 7.0)]
    # 5 prompts x 2 samples made 1000 tokens: 100 per sample, 400 per prompt at M = 4.
    assert known(key("parallel"), runs, facts) == PerPrompt(400, 4800, "measured at another M")
    # 200 tokens and 1000 bytes per prompt.
    assert known(key("eager_init"), runs, facts) == PerPrompt(200, 1000, "measured")


def test_tokens_of_parallel_grow_with_m() -> None:
    found = run("parallel")
    assert known(key("parallel"), [found]) == PerPrompt(200, 1000, "measured")
    assert known(key("parallel", max_sequences=8), [found]).tokens == 400


def test_published_figures_are_of_the_authors_rule() -> None:
    facts = [published("eager_init", 50.0), published("parallel", 60.0)]
    runs = [run("eager_init", entropy_threshold=1.0), run("eager_init", max_sequences=8)]
    authors = known(key("eager_init", rule="authors"), runs, facts)
    assert authors == PerPrompt(50, 600, "published", by_authors=True)
    assert known(key("parallel"), runs, facts).basis == "published"
    # By the paper's rule, a run at another theta is nearer than a count by another rule.
    described = known(key("eager_init"), runs, facts)
    assert (described.tokens, described.basis) == (200, "guess")
    assert described.words == "the same model and data set, theta 1.0"
    alone = known(key("eager_init"), [], facts)
    assert (alone.tokens, alone.basis, alone.by_authors) == (50, "guess", True)
    # A run by the other rule is no measurement of this one either.
    assert known(key("eager"), [run("eager", rule="authors")]).basis == "guess"


def test_runs_of_one_key_are_one_fact() -> None:
    runs = [run("parallel", seed=1), run("parallel", seed=2, facts={"prompts": 10})]
    # 2000 tokens of 60 samples, at M = 4.
    assert known_facts(runs, [published("eager", 7.0)], 0.6) == [
        Fact(key("parallel"), 4 * 2000 / 60, measured=True),
        Fact(key("eager", rule="authors")._replace(threshold=None), 7.0, measured=False),
    ]
