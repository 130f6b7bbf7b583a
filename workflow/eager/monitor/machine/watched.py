"""The real engine with a diary, and the decodings and questions that the checks are about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from eager.algorithm.allocation import Round
from eager.config.settings import DecodingSettings
from eager.data.prompts import Prompt, Vocabulary
from eager.generation.decoder import Decoder
from eager.generation.engine import EngineOutput, EngineRequest, VllmEngine
from eager.monitor.machine.diary import Answer, Asked, Diary


class WatchedEngine(VllmEngine):
    """Records what it is asked and what it answers, in `diary`."""

    diary = Diary()

    def submit(self, request: EngineRequest) -> None:
        """See `Engine.submit`."""
        self.diary.requests[request.request_id] = Asked(
            list(request.token_ids), request.max_tokens, request.with_logprobs, self.diary.steps
        )
        super().submit(request)

    def abort(self, request_id: str) -> None:
        """See `Engine.abort`."""
        self.diary.requests[request_id].aborted = self.diary.steps
        super().abort(request_id)

    def step(self) -> list[EngineOutput]:
        """See `Engine.step`."""
        outputs = super().step()
        for output in outputs:
            request = self.diary.requests[output.request_id]
            if not request.answers:
                request.cached = output.cached_prompt_tokens
            # Copied: the engine clears these lists to save memory.
            request.answers.append(
                Answer(
                    self.diary.steps,
                    list(output.tokens),
                    list(output.top_tokens),
                    list(output.logprobs),
                )
            )
        self.diary.steps += 1
        return outputs

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
    engine: WatchedEngine,
    settings: DecodingSettings,
    prompts: Sequence[Prompt],
    vocabulary: Vocabulary,
) -> tuple[Diary, float]:
    """Decode prompts in one round; what happened, and the seconds it took."""
    roots = settings.max_sequences if settings.method == "parallel" else 1
    first = Round(0, roots, settings.max_sequences, settings.entropy_threshold or 0.0)
    engine.diary = diary = Diary()
    with engine.sampling(settings, vocabulary.end_of_sequence):
        decoder = Decoder(engine, settings, vocabulary)
        start = perf_counter()
        work = [(prompt, lambda rounds, _: None if rounds else first) for prompt in prompts]
        for finished in decoder.run(work):
            for run in finished:
                ((_, tree),) = run.finished
                diary.trees[run.priority] = tree
                diary.prompts[run.priority] = run.prompt.token_ids
        seconds = perf_counter() - start
    diary.counters = decoder.counters
    return diary, seconds


def replay(engine: WatchedEngine, settings: DecodingSettings, diary: Diary) -> float:
    """Seconds for the same tokens as plain requests that are all there from the first step.

    What a sequence inherited is part of its prompt; nothing is decided between steps. The
    vocabulary of `diary` must have no end of sequence, so that exactly as many tokens come.
    """
    trees = diary.trees
    engine.diary = Diary()
    with engine.sampling(settings, ends=()):
        start = perf_counter()
        left = 0
        for priority, tree in trees.items():
            for number, sequence in enumerate(tree.sequences):
                begin = (
                    list(diary.prompts[priority])
                    + tree.tokens(number)[: sequence.fork_position].tolist()
                )
                name, tokens = f"replay.{priority}.{number}", len(sequence.tokens)
                engine.submit(EngineRequest(name, begin, tokens, left, True, priority=0))
                left += 1
        while left:
            left -= sum(output.finished for output in engine.step())
        return perf_counter() - start


def ask(
    engine: WatchedEngine, requests: Sequence[EngineRequest], most_steps: int | None = None
) -> dict[str, list[Answer]]:
    """Answers to requests that are submitted together; those unanswered in time are aborted."""
    engine.diary = diary = Diary()
    for request in requests:
        engine.submit(request)
    live = {request.request_id for request in requests}
    while live and (most_steps is None or diary.steps < most_steps):
        live -= {output.request_id for output in engine.step() if output.finished}
    for name in sorted(live):
        engine.abort(name)
    return {name: asked.answers for name, asked in diary.requests.items()}
