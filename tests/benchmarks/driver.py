"""What the driver itself costs, with a scale simulator in vLLM's place: CPU seconds, memory."""

from __future__ import annotations

import copy
import gc
import tracemalloc
from collections.abc import Iterator, Sequence
from functools import cache
from statistics import median, quantiles
from time import process_time
from typing import Any
from unittest.mock import patch

import numpy as np

from eager.algorithm.allocation import Round
from eager.algorithm.entropy import RunningThreshold
from eager.config.settings import DecodingSettings
from eager.data.prompts import Prompt, Vocabulary
from eager.generation.decoder import Decoder
from tests.benchmarks.figures import Figure
from tests.benchmarks.scale_simulator import ScaleSimulator, rows
from tests.support.letters import LETTERS, spelled

ROOTS = 32  # sequences per prompt: the paper's M
THETA = 2.3
WARM_UP, ROUNDS = 40, 300
# Multiples of the positions that vLLM may keep, so that its share is the same at both ends.
FIRST, LAST = 64, 384

Stepping = tuple[ScaleSimulator, Iterator[Any]]
"""An engine, and the steps of a decoder on it."""


@cache
def history(size: int) -> RunningThreshold:
    """A prompt's recorded entropies, 2 % of them above theta, so that the percentile counts."""
    running = RunningThreshold(THETA, 99)
    rng = np.random.default_rng(1)
    for start in range(0, size, 1_000_000):
        count = min(1_000_000, size - start)
        high = rng.uniform(THETA, 2.9, count)
        running.add(np.where(rng.random(count) < 0.02, high, rng.gamma(0.5, 0.3, count)).tolist())
    return running


def stepping(live: int, recorded: int, method: str = "eager_init") -> Stepping:
    """A decoder over `live` sequences, 32 per prompt, that neither branch nor end."""
    parallel = method == "parallel"
    settings = DecodingSettings(
        method=method,
        entropy_threshold=None if parallel else THETA,
        max_sequences=ROOTS if parallel else 2 * ROOTS,
        max_steps_without_branch=10**9,
        temperature=0.6,
        seed=55,
    )
    engine = ScaleSimulator(settings, rows(highest_entropy=THETA))
    vocabulary = Vocabulary(
        end_of_sequence=(1, 2), end_of_thinking=spelled((3, 4, 5)), context_length=2**20
    )
    first = Round(0, ROOTS, settings.max_sequences, THETA)
    work = [
        (
            Prompt(id=str(i), token_ids=tuple(range(200))),
            lambda rounds, _: None if rounds else first,
        )
        for i in range(live // ROOTS)
    ]
    loaded = history(recorded)
    steps = Decoder(engine, settings, vocabulary, LETTERS).run(work)
    with patch("eager.algorithm.branching.RunningThreshold", lambda *_: copy.deepcopy(loaded)):
        next(steps)
    return engine, steps


def seconds_of_steps(decoders: Sequence[Stepping]) -> list[list[float]]:
    """CPU seconds of `ROUNDS` steps of each decoder, taken in turn."""
    seconds: list[list[float]] = [[] for _ in decoders]
    gc.collect()
    gc.freeze()  # as vLLM has it when it has started
    for _ in range(WARM_UP + ROUNDS):
        for (engine, steps), own in zip(decoders, seconds, strict=True):
            engine.prepare()
            start = process_time()
            next(steps)
            own.append(process_time() - start)
    gc.unfreeze()
    return [own[WARM_UP:] for own in seconds]


def driver_figures() -> list[Figure]:
    """Microseconds per token by live sequences, how they grow with the history, and memory."""
    figures = []
    for live in (64, 256, 1024):
        own, short = seconds_of_steps([stepping(live, 10_000_000), stepping(live, 1_000)])
        words = f"{live} live sequences"
        figures += [
            _microseconds(words, own, live, 10 if live == 256 else None),
            Figure.of(
                f"driver, growth from 1e3 to 1e7 entropies, {words}",
                [median(own) / median(short)],
                higher_is_better=False,
                target=1.3,
            ),
        ]
    (plain,) = seconds_of_steps([stepping(256, 0, "parallel")])
    words = "256 live sequences that do not branch"
    return [*figures, _microseconds(words, plain, 256), _bytes_per_token(256)]


def _microseconds(words: str, seconds: list[float], live: int, target: int | None = None) -> Figure:
    low, middle, high = (1e6 * value / live for value in quantiles(seconds, n=4))
    name = f"driver, microseconds per token, {words}"
    return Figure.of(name, [low, high], value=middle, higher_is_better=False, target=target)


def _bytes_per_token(live: int) -> Figure:
    """Growth of all Python memory over many steps, entropies recorded."""
    engine, steps = stepping(live, 1000)
    tracemalloc.start()
    sizes = []
    for count in (FIRST, LAST):
        for _ in range(count):
            engine.prepare()
            next(steps)
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    grown = (sizes[1] - sizes[0]) / (live * LAST)
    name = "bytes per token in memory, driver"
    return Figure.of(name, [grown], higher_is_better=False, target=32)
