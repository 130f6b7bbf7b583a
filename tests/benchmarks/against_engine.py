"""The decoder against the reference implementation and against the limit, on one engine.

The reference takes one prompt at a time, so its cost adds up over prompts: a sample of the prompts
is measured, one by one, and figures are per generated token and per prompt.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from eager.data.prompts import Prompt
from eager.data.tokenization import Texts
from eager.generation.engine import VllmEngine
from eager.generation.records import tree_tables
from eager.util.tables import SEQUENCES, concatenate, write_table
from tests.benchmarks.figures import Figure, Measured
from tests.benchmarks.reference_loop import ReferenceLoop
from tests.benchmarks.replay import replay
from tests.benchmarks.workload import VOCABULARY, Decoded, decode, problems, settings, timer

PROMPTS = (8, 16, 32)
SAMPLE = {128: (1, 4, 12, 17, 25, 28), 512: (4, 13, 22, 31)}
"""Token limit -> which of the 32 prompts, of both kinds, the reference decodes."""
MEASURES = (
    ("seconds", "faster", {(8, 128): 3.0, (32, 512): 5.0}),
    ("steps", "fewer engine steps", {(32, 128): 20.0, (32, 512): 20.0}),
)
"""What is compared, in which words, and the targets by prompts and token limit."""
REPLAYED = ((8, 128, 2), (32, 128, 1))
"""(prompts, token limit, repeats) of the comparison with the limit."""


@dataclass(frozen=True)
class Cost:
    """What some decoding took."""

    prompts: int
    tokens: int
    seconds: float
    steps: int

    def units(self, unit: str) -> int:
        """How many tokens were generated, or how many prompts answered."""
        return self.tokens if unit == "token" else self.prompts


def ratio(theirs: Cost, ours: Cost, measure: str, unit: str) -> float:
    """Seconds or steps of the reference implementation per token or per prompt, divided by ours."""
    each = [getattr(cost, measure) / cost.units(unit) for cost in (theirs, ours)]
    return each[0] / each[1]


def cost_of(decoded: Decoded) -> Cost:
    return Cost(len(decoded.texts), decoded.tokens, decoded.seconds, decoded.counters.steps)


def authors_cost(engine: VllmEngine, max_tokens: int, text: str) -> Cost:
    """A prompt by the reference, from an empty prefix cache."""
    engine.llm_engine.reset_prefix_cache()
    reference = ReferenceLoop(engine, settings(max_tokens), VOCABULARY.end_of_sequence)
    start = timer()
    reference.run(text)
    return Cost(1, reference.tokens, timer() - start, reference.engine_steps)


def against_authors(engine: VllmEngine, max_tokens: int) -> Iterator[Measured]:
    """Seconds and engine steps per generated token and per prompt, as ratios; most prompts first.

    Per token allows for trees that differ in size; per prompt cannot exceed the number of prompts
    in steps, however few tokens the sample happens to have.
    """
    texts = problems(engine, max(PROMPTS))
    sample = [authors_cost(engine, max_tokens, texts[i]) for i in SAMPLE[max_tokens]]
    yield [], {"authors_manner_sample": [asdict(cost) for cost in sample]}
    total = Cost(*(sum(values) for values in zip(*map(astuple, sample), strict=True)))
    for prompts in sorted(PROMPTS, reverse=True):
        cost = cost_of(decode(engine, settings(max_tokens), texts[:prompts]))
        cell = f"{prompts} prompts x {max_tokens} tokens"
        figures = [
            Figure.of(
                f"times {words} than the reference implementation per {unit}, {cell}",
                [ratio(one, cost, measure, unit) for one in sample],
                value=ratio(total, cost, measure, unit),
                higher_is_better=True,
                target=targets.get((prompts, max_tokens)),
            )
            for measure, words, targets in MEASURES
            for unit in ("token", "prompt")
        ]
        yield figures, {f"ours, {cell}": asdict(cost)}


def against_limit(engine: VllmEngine) -> Iterator[Measured]:
    """Our seconds over those of a replay of the same trees, and the size of the largest ones."""
    for prompts, max_tokens, repeats in REPLAYED:
        chosen = settings(max_tokens)
        rounds = []
        for _ in range(repeats):
            decoded = decode(engine, chosen, problems(engine, prompts))
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
        yield figures, {cell: {"rounds": rounds, "last": asdict(decoded.counters)}}
    yield result_bytes(decoded, engine.texts), {}


def result_bytes(decoded: Decoded, texts: Texts) -> list[Figure]:
    """Bytes per token of finished prompts, in memory and on disk; an inherited one counts once."""
    made = [
        tree_tables(
            Prompt(id=str(number), token_ids=()),
            tree,
            round_number=0,
            first_index=0,
            count_words=True,
            texts=texts,
        )[0]
        for number, tree in enumerate(decoded.trees)
    ]
    table = concatenate(made, SEQUENCES)
    with TemporaryDirectory() as folder:
        path = Path(folder, "sequences.parquet")
        write_table(path, table, "sequences")
        size = path.stat().st_size
    return [
        Figure.of(
            f"bytes per token {place}",
            [taken / decoded.tokens],
            higher_is_better=False,
            target=target,
        )
        for place, taken, target in (
            ("in memory, finished prompts", table.nbytes, 32),
            ("on disk", size, 8),
        )
    ]
