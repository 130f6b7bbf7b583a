"""A scripted model behind the engine's interface, to test the decoder without vLLM."""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass

import numpy as np

from eager.algorithm.allocation import Round
from eager.config.settings import DecodingSettings
from eager.generation.engine import EngineOutput, EngineRequest
from eager.generation.prompt_run import NextRound
from tests.support.oracle import Script, Step

TOP = 6
"""Tokens with a probability at each step, as the settings of `decoding` ask for."""


@dataclass
class Request:
    prompt: int
    ids: list[int]
    max_tokens: int
    seed: int
    with_logprobs: bool
    generated: int = 0


def generated(request_id: str) -> int:
    """How many of a request's tokens are no prompt, as the decoder names its requests."""
    return int(request_id.split(".")[3])


class ScriptedEngine:
    """Serves every request in every step; the script sees what was generated, not the prompt."""

    max_num_seqs = sys.maxsize

    def __init__(self, script: Script, end_of_sequence: frozenset[int], top: int) -> None:
        self.requests: dict[str, Request] = {}
        self.submitted: list[Request] = []
        self.steps = 0
        self._script = script
        self._ends = end_of_sequence
        self._top = top

    def submit(self, request: EngineRequest) -> None:
        assert request.request_id not in self.requests
        assert request.max_tokens > 0
        prompt, start = request.token_ids[0], len(request.token_ids) - generated(request.request_id)
        ids = request.token_ids[start:]
        running = Request(prompt, ids, request.max_tokens, request.seed, request.with_logprobs)
        self.requests[request.request_id] = running
        self.submitted.append(running)

    def abort(self, request_id: str) -> None:
        del self.requests[request_id]

    def step(self) -> list[EngineOutput]:
        self.steps += 1
        return [self._advance(request_id) for request_id in list(self.requests)]

    def _advance(self, request_id: str) -> EngineOutput:
        request = self.requests[request_id]
        # After the sequence and its length, an id names how many ends have been discarded.
        draws = int((*request_id.split("."), 0)[4]) if request_id.count(".") > 2 else 0
        step = self._script(tuple(request.ids), draws)
        sampled = self._sample(request, step)
        request.ids.append(sampled)
        request.generated += 1
        finished = sampled in self._ends or request.generated == request.max_tokens
        if finished:
            del self.requests[request_id]
        top_tokens, logprobs = self._top_entries(step.tokens, step.probabilities)
        return EngineOutput(
            request_id,
            [sampled],
            [sampled, *top_tokens] if request.with_logprobs else [],
            [-1.0, *logprobs] if request.with_logprobs else [],
            finished,
            cached_prompt_tokens=0,
        )

    def _sample(self, request: Request, step: Step) -> int:
        return step.sampled

    def _top_entries(
        self, tokens: list[int], probabilities: list[float]
    ) -> tuple[list[int], list[float]]:
        """Exactly K entries, the missing ones with probability zero."""
        padding = self._top - len(tokens)
        logprobs = np.log(probabilities).tolist()
        return tokens + [0] * padding, logprobs + [-np.inf] * padding


class SeededEngine(ScriptedEngine):
    """Draws tokens with each request's own random numbers, for some requests in every step.

    Args:
        served: how many requests are served in a step; where there are more, chance says which.
    """

    def __init__(self, script: Script, end_of_sequence: frozenset[int], served: int) -> None:
        super().__init__(script, end_of_sequence, TOP)
        self._served = served
        self._sources: dict[int, random.Random] = {}

    def step(self) -> list[EngineOutput]:
        self.steps += 1
        names = list(self.requests)
        if len(names) > self._served:
            names = random.Random(self.steps).sample(names, self._served)
        return [self._advance(request_id) for request_id in names]

    def _sample(self, request: Request, step: Step) -> int:
        source = self._sources.setdefault(id(request), random.Random(request.seed))
        if source.random() < 0.05:
            return min(self._ends)
        return source.choices(step.tokens, step.probabilities)[0]


def decoding(method: str, max_sequences: int, **changes: object) -> DecodingSettings:
    """Settings for a scripted engine; `changes` replaces some."""
    values = {
        "method": method,
        "max_sequences": max_sequences,
        "entropy_threshold": 1.0,
        "top_k_entropy": TOP,
        "temperature": 0.6,
        "max_tokens": 20,
        "seed": 55,
    }
    return DecodingSettings.model_validate(values | changes)


def one_round(round_: Round) -> NextRound:
    """Rounds of a prompt: this one only."""
    return lambda finished, generated: None if finished else round_
