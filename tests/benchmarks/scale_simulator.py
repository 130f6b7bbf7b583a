"""A scale simulator in vLLM's place, to measure the driver's own cost at any number of sequences.

It decides nothing and computes nothing: `prepare` makes a step's outputs beforehand, as vLLM's own
objects (`RequestOutput`, `FlatLogprobs` with the sampled token and the top 20), from a pool of
random distributions, and `step` hands them over. What is timed around `step` is this package's.
"""

from __future__ import annotations

from itertools import cycle, repeat
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from vllm.logprobs import FlatLogprobs, append_logprobs_for_next_position
from vllm.outputs import CompletionOutput, RequestOutput

from eager.config.settings import DecodingSettings, EngineOptions
from eager.generation.engine import VllmEngine

VOCABULARY = 49_152
TOP = 20
POOL = 4096


class Row(NamedTuple):
    """One position as vLLM's sampler gives it: the sampled token, then the top 20 in order."""

    token_ids: list[int]
    logprobs: list[float]


def rows(highest_entropy: float, seed: int = 0) -> list[Row]:
    """Random distributions, as peaked as a model's, with entropies up to `highest_entropy`."""
    rng = np.random.default_rng(seed)
    logits = -np.sort(rng.gamma(1.0, 1.0, (4 * POOL, TOP)) * rng.uniform(0.5, 12, (4 * POOL, 1)))
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    entropies = -(weights * np.log(weights)).sum(axis=1)
    chosen = np.flatnonzero(entropies < highest_entropy)[:POOL]
    assert len(chosen) == POOL
    made = []
    for index in chosen.tolist():
        token_ids = rng.integers(10, VOCABULARY, TOP).tolist()
        logprobs = np.log(weights[index]).astype(np.float32).tolist()
        drawn = int(rng.choice(TOP, p=weights[index]))
        made.append(Row([token_ids[drawn], *token_ids], [logprobs[drawn], *logprobs]))
    return made


class SimulatedLLMEngine:
    """The part of `LLMEngine` that `VllmEngine` uses."""

    def __init__(self, pool: list[Row]) -> None:
        self.output_processor = SimpleNamespace(request_states={})
        self._pool = cycle(pool)
        self._prepared: list[Any] = []

    def add_request(self, request_id: str, prompt: Any, params: Any, priority: int) -> str:
        flat = None if params.logprobs is None else FlatLogprobs()
        self.output_processor.request_states[request_id] = SimpleNamespace(
            prompt_token_ids=prompt["prompt_token_ids"],
            logprobs_processor=SimpleNamespace(logprobs=flat),
        )
        return request_id

    def abort_request(self, request_ids: list[str], internal: bool) -> None:
        for request_id in request_ids:
            del self.output_processor.request_states[request_id]

    def prepare(self) -> None:
        """Make the outputs of the next step."""
        self._prepared = [
            self._output(request_id, state, next(self._pool))
            for request_id, state in self.output_processor.request_states.items()
        ]

    def step(self) -> list[Any]:
        return self._prepared

    def _output(self, request_id: str, state: Any, row: Row) -> Any:
        flat = state.logprobs_processor.logprobs
        if flat is not None:
            append_logprobs_for_next_position(flat, *row, repeat(None), 1, TOP)
        return RequestOutput(
            request_id=request_id,
            prompt=None,
            prompt_token_ids=state.prompt_token_ids,
            prompt_logprobs=None,
            outputs=[
                CompletionOutput(
                    index=0,
                    text="",
                    token_ids=row.token_ids[:1],
                    cumulative_logprob=None,
                    logprobs=None if flat is None else flat[-1:],
                )
            ],
            finished=False,
            num_cached_tokens=0,
        )


class ScaleSimulator(VllmEngine):
    """`VllmEngine` around the simulator: its own conversions run and are measured.

    Args:
        settings: what the decoder is given too.
        pool: distributions that the requests meet in turn.
    """

    def __init__(self, settings: DecodingSettings, pool: list[Row]) -> None:
        self._pool = pool
        super().__init__(Path("nowhere"), settings, EngineOptions(max_num_seqs=2**20), 2**20, ())

    def _load(self, *_: Any) -> Any:
        return SimulatedLLMEngine(self._pool)

    def prepare(self) -> None:
        """Make the outputs of the next step."""
        self.llm_engine.prepare()
