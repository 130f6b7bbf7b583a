"""What is known of the tokens of a planned result: measured, published, guessed or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from eager.progress.guesses import Fact, guess
from eager.progress.history import FormerRun, Key
from eager.report.tables.published import PublishedFigures

Known = Literal["done", "measured", "measured at another M", "published"]
Basis = Literal[Known, "guess", "unknown"]
KNOWN: tuple[str, ...] = get_args(Known)
PUBLISHED_RULE = "authors"
"""The rule that published figures were made by."""
BYTES_PER_TOKEN = 12
"""Token id 4, entropy 4, text about 4; before compression, inherited tokens once."""


@dataclass(frozen=True)
class PerPrompt:
    """What one prompt of a result costs, made alone; None: not known.

    Attributes:
        tokens: tokens generated; of Full Parallel those of all M samples.
        bytes: of tables.
        basis: where the figures are from.
        words: what a guess is from; else empty.
        by_authors: the count is the authors', of which it is not known whether those of the
            budgeted methods hold an EAGer-init of their own.
    """

    tokens: float | None
    bytes: float | None
    basis: Basis
    words: str = ""
    by_authors: bool = False


def known_facts(
    runs: Iterable[FormerRun], published: Iterable[PublishedFigures], temperature: float
) -> list[Fact]:
    """Tokens per prompt of former runs and of published figures, one fact for each key.

    Args:
        runs: former runs.
        published: published figures; made by the authors' rule.
        temperature: that published figures are taken to have, the plan's.
    """
    by_key: dict[Key, list[FormerRun]] = {}
    for run in runs:
        by_key.setdefault(run.key, []).append(run)
    measured = [Fact(key, _tokens(same, key), measured=True) for key, same in by_key.items()]
    return measured + [
        Fact(_published_key(fact, temperature), fact.tokens_per_prompt, measured=False)
        for fact in published
        if fact.tokens_per_prompt is not None
    ]


def per_prompt(
    key: Key, runs: Sequence[FormerRun], facts: Sequence[Fact], kinds: Mapping[str, str]
) -> PerPrompt:
    """What a prompt of a planned result costs, and where the figure is from.

    Former runs with the same key come first, then (Full Parallel's samples are independent, so
    that its tokens are M times those of one) its runs at another M, then published counts by the
    same rule, then a guess.

    Args:
        key: of the result.
        runs: former runs.
        facts: of `known_facts`.
        kinds: kind of each data set.
    """
    if same := [run for run in runs if run.key == key]:
        size = sum(run.bytes for run in same) / sum(run.prompts for run in same)
        return PerPrompt(_tokens(same, key), size, "measured")
    any_cap = key._replace(max_sequences=0)
    alike = [run for run in runs if run.key._replace(max_sequences=0) == any_cap]
    if key.method == "parallel" and alike:
        return _by_tokens(_tokens(alike, key), "measured at another M")
    for fact in facts:
        if not fact.measured and fact.key == key._replace(threshold=None):
            return _by_tokens(fact.tokens, "published", by_authors=True)
    if found := guess(key, facts, kinds):
        by_authors = not all(fact.measured for fact in found.facts)
        return _by_tokens(found.tokens, "guess", found.words, by_authors=by_authors)
    return PerPrompt(None, None, "unknown")


def _tokens(runs: Sequence[FormerRun], key: Key) -> float:
    """Tokens per prompt of a key from runs that may be compared with it, all together."""
    tokens = sum(run.tokens for run in runs)
    if key.method == "parallel":
        samples = sum(run.prompts * run.key.max_sequences for run in runs)
        return key.max_sequences * tokens / samples
    return tokens / sum(run.prompts for run in runs)


def _by_tokens(
    tokens: float, basis: Basis, words: str = "", *, by_authors: bool = False
) -> PerPrompt:
    return PerPrompt(tokens, tokens * BYTES_PER_TOKEN, basis, words, by_authors)


def _published_key(fact: PublishedFigures, temperature: float) -> Key:
    rule = None if fact.method == "parallel" else PUBLISHED_RULE
    return Key(*fact.key, threshold=None, temperature=temperature, rule=rule)
