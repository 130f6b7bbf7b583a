"""The decoder against a loop in the authors' manner and against the limit, on one engine.

A loop in the authors' manner takes one prompt at a time, so its cost adds up over prompts: a sample
of the prompts is measured, one by one, and figures are per generated token. That it adds up is a
figure as well: some of the sample in one go, over the same one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from eager.engine import VllmEngine
from tests.benchmarks.authors_manner import AuthorsManner
from tests.benchmarks.figures import Figure, Measured
from tests.benchmarks.replay import replay
from tests.benchmarks.workload import VOCABULARY, Decoded, decode, problems, settings, timer

PROMPTS = (8, 16, 32)
SAMPLE = {128: tuple(range(2, 32, 4)), 512: (5, 13, 21, 29)}
"""Token limit -> which of the 32 prompts are decoded in the authors' manner."""
TARGETS = {(8, 128): 3.0, (32, 512): 5.0}
REPLAYED = ((8, 128, 2), (32, 128, 1))
"""(prompts, token limit, repeats) of the comparison with the limit."""


@dataclass(frozen=True)
class Cost:
    """What some decoding took."""

    prompts: int
    tokens: int
    seconds: float
    steps: int

    @property
    def seconds_per_token(self) -> float:
        return self.seconds / self.tokens

    @property
    def steps_per_token(self) -> float:
        return self.steps / self.tokens


def cost_of(decoded: Decoded) -> Cost:
    return Cost(len(decoded.texts), decoded.tokens, decoded.seconds, decoded.counters.steps)


def authors_cost(engine: VllmEngine, max_tokens: int, texts: list[str]) -> Cost:
    """Prompts in the authors' manner, one after the other, from an empty prefix cache."""
    engine.llm_engine.reset_prefix_cache()
    reference = AuthorsManner(engine, settings(max_tokens), VOCABULARY.end_of_sequence)
    start = timer()
    for text in texts:
        reference.run(text)
    seconds = timer() - start
    return Cost(len(texts), reference.tokens, seconds, reference.engine_steps)


def against_authors(engine: VllmEngine, max_tokens: int) -> Iterator[Measured]:
    """Seconds and engine steps per generated token, as ratios; most prompts first."""
    texts = problems(max(PROMPTS))
    sample = [authors_cost(engine, max_tokens, [texts[i]]) for i in SAMPLE[max_tokens]]
    yield [], {"authors_manner_sample": [asdict(cost) for cost in sample]}
    total = Cost(
        len(sample),
        sum(cost.tokens for cost in sample),
        sum(cost.seconds for cost in sample),
        sum(cost.steps for cost in sample),
    )
    for prompts in sorted(PROMPTS, reverse=True):
        cost = cost_of(decode(engine, settings(max_tokens), texts[:prompts]))
        cell = f"{prompts} prompts x {max_tokens} tokens"
        faster = Figure.of(
            f"times faster than the authors' manner, {cell}",
            [one.seconds_per_token / cost.seconds_per_token for one in sample],
            value=total.seconds_per_token / cost.seconds_per_token,
            higher_is_better=True,
            target=TARGETS.get((prompts, max_tokens)),
        )
        fewer = Figure.of(
            f"times fewer engine steps, {cell}",
            [one.steps_per_token / cost.steps_per_token for one in sample],
            value=total.steps_per_token / cost.steps_per_token,
            higher_is_better=True,
            target=20 if prompts == 32 else None,
        )
        yield [faster, fewer], {f"ours, {cell}": asdict(cost)}
    if max_tokens == min(SAMPLE):
        some = slice(2, 5)
        together = authors_cost(engine, max_tokens, [texts[i] for i in SAMPLE[max_tokens][some]])
        tokens = sum(cost.tokens for cost in sample[some])
        alone = sum(cost.seconds for cost in sample[some]) / tokens
        name = "authors' manner, seconds a token of 3 prompts in one go over one by one"
        yield [Figure.of(name, [together.seconds_per_token / alone], higher_is_better=False)], {}


def against_limit(engine: VllmEngine, last: list[Decoded]) -> Iterator[Measured]:
    """Our seconds over those of a replay of the same trees, with and without logprobs.

    Args:
        engine: the engine.
        last: takes the trees of the largest comparison.
    """
    for prompts, max_tokens, repeats in REPLAYED:
        chosen = settings(max_tokens)
        rounds = []
        for _ in range(repeats):
            decoded = decode(engine, chosen, problems(prompts))
            rounds.append(
                {
                    "ours": decoded.seconds,
                    "with_logprobs": replay(engine, chosen, decoded, logprobs=True),
                    "without_logprobs": replay(engine, chosen, decoded, logprobs=False),
                }
            )
        cell = f"{prompts} prompts x {max_tokens} tokens"
        figures = [
            Figure.of(
                f"seconds over those of a replay {words}, {cell}",
                [round_["ours"] / round_[kind] for round_ in rounds],
                higher_is_better=False,
                target=target,
            )
            for kind, words, target in (
                ("with_logprobs", "with the same logprobs", 1.15),
                ("without_logprobs", "without logprobs", 1.3),
            )
        ]
        last[:] = [decoded]
        yield figures, {cell: {"rounds": rounds, "last": asdict(decoded.counters)}}
