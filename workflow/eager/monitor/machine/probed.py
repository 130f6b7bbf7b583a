"""The real engine, whose way of sampling can be changed between decodings, and timed decodings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from eager.config.settings import DecodingSettings
from eager.data.prompts import Prompt, Vocabulary
from eager.generation.engine import EngineRequest, VllmEngine
from eager.monitor.machine.engine_log import EngineLog
from eager.monitor.machine.recording import record


class ProbedEngine(VllmEngine):
    """The real engine, with what the checks need of it besides."""

    @contextmanager
    def sampling(self, settings: DecodingSettings, ends: Sequence[int]) -> Iterator[None]:
        """Sample with other settings and other ends of sequence, from an empty prefix cache."""
        before = self._settings, self._stop
        self.llm_engine.reset_prefix_cache()
        self._settings, self._stop = settings, list(ends)
        try:
            yield
        finally:
            self._settings, self._stop = before

    def configuration(self) -> dict[str, Any]:
        """What vLLM made of our arguments, as far as generation relies on it."""
        config = self.llm_engine.vllm_config
        scheduler, cache = config.scheduler_config, config.cache_config
        from vllm.platforms import current_platform

        return {
            "device": current_platform.device_type,
            "v2_model_runner": bool(config.use_v2_model_runner),
            "async_scheduling": bool(scheduler.async_scheduling),
            "policy": scheduler.policy,
            "max_num_seqs": scheduler.max_num_seqs,
            "max_num_batched_tokens": scheduler.max_num_batched_tokens,
            "chunked_prefill": bool(scheduler.enable_chunked_prefill),
            "prefix_caching": bool(cache.enable_prefix_caching),
            "block_size": cache.block_size,
            "logprobs_mode": str(config.model_config.logprobs_mode),
            "max_logprobs": config.model_config.max_logprobs,
            "sleep_mode": bool(config.model_config.enable_sleep_mode),
            "in_this_process": hasattr(self.llm_engine.engine_core, "engine_core"),
            "dtype": str(config.model_config.dtype).removeprefix("torch."),
            "compilation": config.compilation_config.mode.name,
            "cuda_graphs": config.compilation_config.cudagraph_mode.name,
            "kv_capacity_tokens": self.kv_capacity_tokens,
        }


def decode(
    engine: ProbedEngine,
    settings: DecodingSettings,
    prompts: Sequence[Prompt],
    vocabulary: Vocabulary,
) -> tuple[EngineLog, float]:
    """Decode prompts in one round from an empty prefix cache; what happened, and the seconds."""
    with engine.sampling(settings, vocabulary.end_of_sequence):
        return record(engine, settings, prompts, vocabulary)


def replay(engine: ProbedEngine, settings: DecodingSettings, log: EngineLog) -> float:
    """Seconds for the same tokens as plain requests that are all there from the first step.

    What a sequence inherited is part of its prompt; nothing is decided between steps. The
    vocabulary of `log` must have no end of sequence, so that exactly as many tokens come.
    """
    trees = log.trees
    with engine.sampling(settings, ends=()):
        start = perf_counter()
        left = 0
        for priority, tree in trees.items():
            for number, sequence in enumerate(tree.sequences):
                begin = (
                    list(log.prompts[priority])
                    + tree.tokens(number)[: sequence.fork_position].tolist()
                )
                name, tokens = f"replay.{priority}.{number}", len(sequence.tokens)
                engine.submit(EngineRequest(name, begin, tokens, left, True, priority=0))
                left += 1
        while left:
            left -= sum(output.finished for output in engine.step())
        return perf_counter() - start
