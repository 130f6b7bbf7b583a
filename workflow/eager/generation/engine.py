"""vLLM as the decoder uses it: submit, step, abort."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from eager.config.settings import DecodingSettings, EngineOptions
from eager.data.model_settings import used_dtype
from eager.data.tokenization import Texts, load_tokenizer
from eager.util.errors import EagerError

CPU_BLOCK_SIZE = 32
"""Tokens per KV block on a CPU: the smallest its attention takes, so that a branch reuses most of
its prefix (the default of 128 would recompute up to 127 tokens)."""

KEPT_POSITIONS = 32
"""Positions whose logprobs may pile up inside vLLM before they are dropped."""


class EngineRequest(NamedTuple):
    """A continuation to decode.

    Attributes:
        request_id: chosen by the caller, unique.
        token_ids: the prompt and what has been generated of the answer.
        max_tokens: tokens to generate at most.
        seed: of this request's random numbers.
        with_logprobs: whether the top K of every position are wanted.
        priority: a lower one is served first when not all fit.
    """

    request_id: str
    token_ids: list[int]
    max_tokens: int
    seed: int
    with_logprobs: bool
    priority: int


class EngineOutput(NamedTuple):
    """What one request brought in one step.

    `top_tokens` and `logprobs` (nats, of the model's own distribution) hold for each of `tokens`
    1 + K entries: the sampled token, then the top K in order; empty if they were not asked for.
    """

    request_id: str
    tokens: Sequence[int]
    top_tokens: list[int]
    logprobs: list[float]
    finished: bool
    cached_prompt_tokens: int


class Engine(Protocol):
    """A continuously batched engine over token ids.

    Attributes:
        max_num_seqs: sequences that it decodes at once.
    """

    max_num_seqs: int

    def submit(self, request: EngineRequest) -> None:
        """Start a request; its first token comes with the next step that it fits into."""
        ...

    def abort(self, request_id: str) -> None:
        """End a request; it returns no more output."""
        ...

    def step(self) -> list[EngineOutput]:
        """Decode one step of all running requests."""
        ...


class VllmEngine:
    """vLLM's `LLMEngine` in this process, stepped by hand.

    Args:
        folder: the model's folder.
        settings: temperature, top_p, top_k, K, number format.
        options: memory and batch size.
        context_length: tokens of prompt plus answer.
        end_of_sequence: ids that end a request.
    """

    def __init__(
        self,
        folder: Path,
        settings: DecodingSettings,
        options: EngineOptions,
        context_length: int,
        end_of_sequence: Sequence[int],
    ) -> None:
        self.max_num_seqs = options.max_num_seqs
        self.llm_engine = self._load(folder, settings, options, context_length)
        self._folder = folder
        self._settings = settings
        self._stop = list(end_of_sequence)
        self._internal_ids: dict[str, str] = {}

    def _load(
        self, folder: Path, settings: DecodingSettings, options: EngineOptions, context_length: int
    ) -> Any:
        """The `LLMEngine`; the benchmarks put a simulator in its place here."""
        _prepare_environment(options)
        from vllm import EngineArgs
        from vllm.platforms import current_platform
        from vllm.v1.engine.llm_engine import LLMEngine

        if not current_platform.device_type:
            raise EagerError(
                "vLLM finds no device that it can use; `make gpu-check` says what is missing, such "
                "as a driver for its version of CUDA"
            )
        arguments: dict[str, Any] = {
            "model": str(folder),
            "dtype": used_dtype(folder, settings.dtype),
            "seed": settings.seed % 2**32,
            "max_model_len": context_length,
            "max_num_seqs": options.max_num_seqs,
            "tensor_parallel_size": options.tensor_parallel_size,
            "enable_prefix_caching": True,
            "disable_log_stats": True,
            # A step's branches must be in the engine before the next step.
            "async_scheduling": False,
            # Prompts finish in order and a branch does not queue behind prompts not yet begun.
            "scheduling_policy": "priority",
        }
        if current_platform.is_cpu():
            _draw_seeded_noise_only()
            arguments |= {
                "block_size": CPU_BLOCK_SIZE,
                "enforce_eager": True,
                # With a seed of its own, a request whose prefill is cut in chunks crashes on a CPU.
                "enable_chunked_prefill": False,
                "max_num_batched_tokens": max(context_length, 4096),
            }
        else:
            arguments["gpu_memory_utilization"] = options.gpu_memory_utilization
        return LLMEngine.from_engine_args(EngineArgs(**arguments))

    @cached_property
    def texts(self) -> Texts:
        """Texts of the model's tokens, by the tokenizer that has made the prompts.

        vLLM may have another: that of Mistral's own package.
        """
        return Texts(load_tokenizer(self._folder))

    @property
    def kv_capacity_tokens(self) -> int:
        """Tokens that the KV cache holds."""
        cache = self.llm_engine.vllm_config.cache_config
        return int(cache.num_gpu_blocks * cache.block_size)

    @property
    def kv_bytes_per_token(self) -> int:
        """Bytes of KV cache for one token, as if every layer attended to all of them."""
        config = self.llm_engine.vllm_config
        model, parallel = config.model_config, config.parallel_config
        heads = model.get_num_layers(parallel) * model.get_num_kv_heads(parallel)
        return int(2 * heads * model.get_head_size() * model.dtype.itemsize)

    def submit(self, request: EngineRequest) -> None:
        """See `Engine.submit`."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        parameters = SamplingParams(
            temperature=self._settings.temperature,
            top_p=self._settings.top_p,
            top_k=self._settings.top_k,
            seed=request.seed,
            max_tokens=request.max_tokens,
            stop_token_ids=self._stop,
            ignore_eos=True,  # the ends are listed in stop_token_ids, all of them
            logprobs=self._settings.top_k_entropy if request.with_logprobs else None,
            flat_logprobs=True,
            detokenize=False,
            output_kind=RequestOutputKind.DELTA,
            skip_clone=True,
        )
        self._internal_ids[request.request_id] = self.llm_engine.add_request(
            request.request_id,
            {"prompt_token_ids": request.token_ids},
            parameters,
            priority=request.priority,
        )

    def abort(self, request_id: str) -> None:
        """See `Engine.abort`."""
        self.llm_engine.abort_request([self._internal_ids.pop(request_id)], internal=True)

    def step(self) -> list[EngineOutput]:
        """See `Engine.step`."""
        return [self._to_output(output) for output in self.llm_engine.step()]

    def _to_output(self, output: Any) -> EngineOutput:
        completion = output.outputs[0]
        logprobs = completion.logprobs
        if output.finished:
            del self._internal_ids[output.request_id]
        elif logprobs is not None:
            self._forget_logprobs(output.request_id)
        return EngineOutput(
            output.request_id,
            completion.token_ids,
            [] if logprobs is None else logprobs.token_ids,
            [] if logprobs is None else logprobs.logprobs,
            output.finished,
            output.num_cached_tokens or 0,
        )

    def _forget_logprobs(self, request_id: str) -> None:
        # vLLM 0.31 keeps every position's logprobs until a request ends, even with DELTA outputs:
        # over a kilobyte per token, which long sequences cannot afford.
        state = self.llm_engine.output_processor.request_states[self._internal_ids[request_id]]
        kept = state.logprobs_processor.logprobs
        if len(kept.start_indices) >= KEPT_POSITIONS:
            for column in vars(kept).values():
                column.clear()


def _draw_seeded_noise_only() -> None:
    """Spare vLLM's CPU sampler half of its random numbers; the tokens stay the same.

    vLLM 0.31's path for x86 draws noise for the whole batch and then once more for every request
    with a seed. Its native path, which it takes on other processors, draws the second only.
    """
    from vllm.v1.sample.ops.topk_topp_sampler import TopKTopPSampler

    TopKTopPSampler.forward_cpu = TopKTopPSampler.forward_native


def _prepare_environment(options: EngineOptions) -> None:
    """Settings that vLLM reads from the environment when it is imported."""
    # In this process: same inputs, same steps, and branches wait for no other process.
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    # `encode_prompts` has compared the context with the model's; vLLM leaves YaRN's factor out.
    os.environ["VLLM_ALLOW_LONG_MAX_MODEL_LEN"] = "1"
    defaults = {
        "VLLM_LOGGING_LEVEL": "WARNING",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_CPU_KVCACHE_SPACE": str(options.cpu_kv_cache_gib),
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    cores = sorted(os.sched_getaffinity(0))
    # vLLM's own "auto" leaves cores out and "all" crashes on a machine with one NUMA node.
    defaults["VLLM_CPU_OMP_THREADS_BIND"] = ",".join(map(str, cores))
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
