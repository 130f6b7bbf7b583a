"""Stands in for vLLM where tests put this folder's parent on PYTHONPATH: the part that we use.

So the command line, the store and Snakemake run as they are, in processes of their own, with an
engine that loads in no time and draws tokens with each request's seed from the made-up model of
`script.py`. It is not a vLLM: what the real engine returns is tested on the real engine.
"""

from __future__ import annotations

import math
import os
import random
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from vllm.script import Script

STEP_SECONDS = "STAND_IN_STEP_SECONDS"
"""Variable: how long a step takes at least, so that there is time to stop a job."""


CONFIG = SimpleNamespace(
    cache_config=SimpleNamespace(num_gpu_blocks=4096, block_size=32),
    parallel_config=None,
    model_config=SimpleNamespace(
        get_num_layers=lambda _: 30,
        get_num_kv_heads=lambda _: 3,
        get_head_size=lambda: 64,
        dtype=SimpleNamespace(itemsize=4),
    ),
)
"""What `eager tune` asks about the demo's model."""


class EngineArgs(SimpleNamespace):
    """Whatever it is given."""


class SamplingParams(SimpleNamespace):
    """Whatever it is given."""


@dataclass
class Request:
    """A request under way; `state` is what vLLM keeps of it in its output processor."""

    name: str
    token_ids: list[int]
    parameters: Any
    order: tuple[int, int]
    source: random.Random
    state: Any
    generated: list[int] = field(default_factory=list)


class LLMEngine:
    """Serves the first `max_num_seqs` requests, by priority, in every step."""

    def __init__(self, arguments: EngineArgs) -> None:
        self.output_processor = SimpleNamespace(request_states={})
        self.vllm_config = CONFIG
        self._served = arguments.max_num_seqs
        self._script = Script(Path(arguments.model))
        self._requests: dict[str, Request] = {}
        self._number = 0

    @classmethod
    def from_engine_args(cls, arguments: EngineArgs) -> LLMEngine:
        return cls(arguments)

    def add_request(self, request_id: str, prompt: Any, parameters: Any, priority: int) -> str:
        self._number += 1
        internal = f"{request_id}-{self._number}"
        columns = {"start_indices": [], "token_ids": [], "logprobs": []}
        kept = None if parameters.logprobs is None else SimpleNamespace(**columns)
        state = SimpleNamespace(logprobs_processor=SimpleNamespace(logprobs=kept))
        self.output_processor.request_states[internal] = state
        self._requests[internal] = Request(
            request_id,
            prompt["prompt_token_ids"],
            parameters,
            (priority, self._number),
            random.Random(parameters.seed),
            state,
        )
        return internal

    def abort_request(self, names: list[str], internal: bool) -> None:
        for name in names:
            self._end(name)

    def step(self) -> list[Any]:
        time.sleep(float(os.environ.get(STEP_SECONDS, "0")))
        names = sorted(self._requests, key=lambda name: self._requests[name].order)
        return [self._advance(name) for name in names[: self._served]]

    def _end(self, name: str) -> None:
        del self._requests[name], self.output_processor.request_states[name]

    def _advance(self, name: str) -> Any:
        request = self._requests[name]
        parameters = request.parameters
        tokens, logprobs = self._script.top([*request.token_ids, *request.generated])
        heated = [math.exp(value / parameters.temperature) for value in logprobs]
        [drawn] = request.source.choices(range(len(tokens)), heated)
        request.generated.append(tokens[drawn])
        position = None
        if parameters.logprobs is not None:
            position = SimpleNamespace(
                token_ids=[tokens[drawn], *tokens[: parameters.logprobs]],
                logprobs=[logprobs[drawn], *logprobs[: parameters.logprobs]],
            )
            request.state.logprobs_processor.logprobs.start_indices.append(len(request.generated))
        finished = (
            tokens[drawn] in parameters.stop_token_ids
            or len(request.generated) == parameters.max_tokens
        )
        if finished:
            self._end(name)
        return SimpleNamespace(
            request_id=request.name,
            outputs=[SimpleNamespace(token_ids=[tokens[drawn]], logprobs=position)],
            finished=finished,
            num_cached_tokens=0,
        )


def _module(name: str, **members: Any) -> None:
    """Make a submodule of the real package's name."""
    parts = name.split(".")
    for depth in range(2, len(parts) + 1):
        path = ".".join(parts[:depth])
        sys.modules.setdefault(path, ModuleType(path))
    vars(sys.modules[name]).update(members)


_module("vllm.platforms", current_platform=SimpleNamespace(is_cpu=lambda: True, device_type="cpu"))
_module("vllm.v1.engine.llm_engine", LLMEngine=LLMEngine)
_module("vllm.sampling_params", RequestOutputKind=SimpleNamespace(DELTA="delta"))
_module(
    "vllm.v1.sample.ops.topk_topp_sampler",
    TopKTopPSampler=SimpleNamespace(forward_native=None),
)
