"""Tokens of a result of which nothing is known, guessed from the nearest one that is: pure.

The nearest figure is one of the same model, data set and method (another M, theta, temperature or
rule); else of the same method with another model on the same data set; with the same model on
another data set; with another model on another data set; else of another method of the same model
and data set. Among these: the same kind of data set, the same rule, the nearest M, measured before
published, the nearest temperature, the nearest theta. Figures that are equally near are averaged.

A figure of another M is scaled in proportion to M: Full Parallel's samples are independent, and
published tokens of the EAGer methods grow 6.9 to 9.1 times from M = 4 to 32. One of another model
or data set is scaled by Full Parallel's tokens per sample where both are known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log2
from statistics import fmean

from eager.progress.history import Key


@dataclass(frozen=True)
class Fact:
    """Tokens of one prompt of a result, as they are known.

    Attributes:
        key: what they belong to. Of a published figure theta is None and the temperature that of
            the plan, because the file of published figures does not say them.
        tokens: tokens per prompt; of Full Parallel those of all M samples.
        measured: in a former run; else published.
    """

    key: Key
    tokens: float
    measured: bool


@dataclass(frozen=True)
class Guess:
    """Guessed tokens per prompt, the facts they are from, and that in words."""

    tokens: float
    facts: tuple[Fact, ...]
    words: str


SAME, OTHER_MODEL, OTHER_DATASET, OTHER_BOTH, OTHER_METHOD = range(5)
"""How a fact is related to what is planned, the nearest first."""
Distance = tuple[int, bool, bool, bool, float, bool, float, float]


def relation(planned: Key, fact: Key) -> int | None:
    """How a fact is related to a planned result; None: it says nothing about it."""
    same_model, same_dataset = planned.model == fact.model, planned.dataset == fact.dataset
    if planned.method != fact.method:
        return OTHER_METHOD if same_model and same_dataset else None
    if same_dataset:
        return SAME if same_model else OTHER_MODEL
    return OTHER_DATASET if same_model else OTHER_BOTH


def distance(planned: Key, fact: Fact, kinds: Mapping[str, str]) -> Distance | None:
    """How far a fact is from a planned result, compared place by place; None: says nothing.

    Args:
        planned: what is planned.
        fact: what is known.
        kinds: `math`, `choice` or `code`, of each data set.
    """
    key, related = fact.key, relation(planned, fact.key)
    if related is None:
        return None
    thresholds = planned.threshold, key.threshold
    return (
        related,
        kinds.get(planned.dataset) != kinds.get(key.dataset),
        planned.method != "parallel" and key.method == "parallel",
        planned.rule != key.rule,
        abs(log2(planned.max_sequences / key.max_sequences)),
        not fact.measured,
        abs(planned.temperature - key.temperature),
        0 if None in thresholds else abs(thresholds[0] - thresholds[1]),  # type: ignore[operator]
    )


def nearest(planned: Key, facts: Iterable[Fact], kinds: Mapping[str, str]) -> tuple[Fact, ...]:
    """The facts that are nearest to a planned result, all equally near; none: nothing is known."""
    ranked = [(found, f) for f in facts if (found := distance(planned, f, kinds)) is not None]
    least = min((found for found, _ in ranked), default=None)
    return tuple(fact for found, fact in ranked if found == least)


def guess(planned: Key, facts: Sequence[Fact], kinds: Mapping[str, str]) -> Guess | None:
    """Tokens per prompt of a planned result, from the nearest facts.

    Returns:
        The guess; None where nothing related is known.
    """
    if not (found := nearest(planned, facts, kinds)):
        return None
    ratios = [_length_ratio(planned, fact.key, facts) for fact in found]
    scaled = None not in ratios
    tokens = fmean(
        fact.tokens
        * (planned.max_sequences / fact.key.max_sequences)
        * ((ratio or 1) if scaled else 1)
        for fact, ratio in zip(found, ratios, strict=True)
    )
    by_length = scaled and relation(planned, found[0].key) not in (SAME, OTHER_METHOD)
    return Guess(tokens, found, _words(planned, found, by_length=by_length))


def tokens_per_sample(model: str, dataset: str, near: Key, facts: Iterable[Fact]) -> float | None:
    """Tokens of a sample of Full Parallel, at the M and temperature nearest to a result's."""
    own = [f for f in facts if f.key[:3] == (model, dataset, "parallel")]
    planned = near._replace(model=model, dataset=dataset, method="parallel", rule=None)
    found = nearest(planned, own, {})
    return fmean(fact.tokens / fact.key.max_sequences for fact in found) if found else None


def _length_ratio(planned: Key, fact: Key, facts: Sequence[Fact]) -> float | None:
    """Length of Full Parallel's samples there over that of the fact's; None: not both known."""
    if planned[:2] == fact[:2]:
        return 1
    here = tokens_per_sample(planned.model, planned.dataset, planned, facts)
    there = tokens_per_sample(fact.model, fact.dataset, planned, facts)
    return here / there if here and there else None


def _words(planned: Key, found: Sequence[Fact], *, by_length: bool) -> str:
    """What a guess is from: `Qwen3-4B on the same data set, M 8, scaled in proportion to M`."""
    related = relation(planned, found[0].key)
    if related == SAME:
        place = "the same model and data set"
    elif related == OTHER_MODEL:
        place = f"{_all(fact.key.model for fact in found)} on the same data set"
    elif related == OTHER_DATASET:
        place = f"{_all(fact.key.dataset for fact in found)} with the same model"
    elif related == OTHER_BOTH:
        place = _all(f"{fact.key.model} on {fact.key.dataset}" for fact in found)
    else:
        place = f"{_all(fact.key.method for fact in found)} of the same model and data set"
    differences = _differences(planned, found)
    if not found[0].measured:
        differences = [*differences, "published"]
    told = ", ".join([place, *differences])
    return f"the share of Full Parallel's tokens as in {told}" if by_length else told


def _differences(planned: Key, found: Sequence[Fact]) -> list[str]:
    keys, told = [fact.key for fact in found], []
    # What is published is by the authors' rule everywhere; that is told where nothing else differs.
    here = planned[:3] == keys[0][:3]
    rules = {fact.key.rule for fact in found if fact.measured or here} - {planned.rule, None}
    if rules:
        told.append(f"rule {_all(sorted(rules, key=str))}")
    if caps := {key.max_sequences for key in keys} - {planned.max_sequences}:
        told.append(f"M {_all(sorted(caps))} scaled in proportion to M")
    if temperatures := {key.temperature for key in keys} - {planned.temperature}:
        told.append(f"temperature {_all(sorted(temperatures))}")
    if thetas := {key.threshold for key in keys} - {planned.threshold, None}:
        told.append(f"theta {_all(sorted(thetas, key=float))}")  # type: ignore[arg-type]
    return told


def _all(names: Iterable[object]) -> str:
    several = list(dict.fromkeys(str(name) for name in names))
    if len(several) == 1:
        return several[0]
    return f"the mean of {', '.join(several[:-1])} and {several[-1]}"
