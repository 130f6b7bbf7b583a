"""Questions to the real engine about what differs between a CPU and a GPU (containers/GPU.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eager.config.settings import DecodingSettings
from eager.data.prompts import Prompt, Vocabulary
from eager.generation.engine import EngineRequest, VllmEngine
from eager.machine.invariants import TOLERANCE, greedy_agreement, same_logprobs, served_in_order
from eager.machine.page import CheckLine, check_line
from eager.machine.recording import EngineLog, ask, record
from eager.util.files import read_json

MARGIN = 4
"""Requests more than the engine takes at once."""
LONG_PROMPT = 600
"""Tokens, within the demo model's context: a few of them are more than fit into a step."""
REFERENCE = Path(__file__).with_name("greedy.json")
"""The most likely tokens that the CPU build chose for some of the demo's prompts, and how much
likelier (nats) each was than the second; written by `python -m tools.greedy`."""


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
        return record(engine, settings, prompts, vocabulary, engine.texts)


def configuration_line(found: Mapping[str, Any]) -> CheckLine:
    """What vLLM made of our arguments is what is meant, on this kind of device."""
    on_cpu = found["device"] == "cpu"
    expected = {
        "v2_model_runner": not on_cpu,
        "async_scheduling": False,
        "policy": "priority",
        "chunked_prefill": not on_cpu,
        "prefix_caching": True,
        "logprobs_mode": "raw_logprobs",
        "sleep_mode": False,
        "in_this_process": True,
    }
    problems = [
        f"{name} is {found[name]}, not {value}"
        for name, value in expected.items()
        if found[name] != value
    ]
    if found["max_num_batched_tokens"] < found["max_num_seqs"]:
        problems.append("max_num_batched_tokens is below max_num_seqs")
    return check_line(
        "engine",
        "options",
        problems,
        len(expected) + 1,
        "options as vLLM took them",
        "unset variables of your own that begin with VLLM_, and use the pinned version",
    )


def greedy(
    engine: ProbedEngine, settings: DecodingSettings, prompts: Sequence[Prompt], tokens: int
) -> dict[str, tuple[list[int], list[float]]]:
    """Each prompt's most likely tokens, and how much likelier (nats) each is than the second."""
    # Settings refuse a temperature of 0: the method has no use for it, this comparison has.
    with engine.sampling(settings.model_copy(update={"temperature": 0.0}), ends=()):
        requests = [
            EngineRequest(prompt.id, list(prompt.token_ids), tokens, 0, True, priority=0)
            for prompt in prompts
        ]
        answers = ask(engine, requests)
    return {
        name: (
            [answer.tokens[0] for answer in said.answers],
            [float(answer.logprobs[1] - answer.logprobs[2]) for answer in said.answers],
        )
        for name, said in answers.items()
    }


def cached_logprobs(
    engine: ProbedEngine, settings: DecodingSettings, prompt: Prompt, dtype: str
) -> CheckLine:
    """A prompt whose prefix is cached has the logprobs of one that is computed whole."""
    with engine.sampling(settings, ends=()):
        said = []
        for name in ("whole", "cached"):
            request = EngineRequest(name, list(prompt.token_ids), 1, 7, True, priority=0)
            asked = ask(engine, [request])[name]
            said.append(asked.answers[0].logprobs[1:])
            cached = asked.cached
    if cached == 0:
        problem = ["the second time nothing of the prompt was cached"]
        return check_line("engine", "logprobs behind a cached prefix", problem, 1, "prompts")
    return same_logprobs("logprobs behind a cached prefix", said[0], said[1], dtype)


def priorities(engine: ProbedEngine, settings: DecodingSettings, limit: int) -> CheckLine:
    """Of more requests than it takes at once, those of the lowest numbers are served first."""
    count = limit + MARGIN
    # The last submitted is the first to be served.
    requests = [
        EngineRequest(f"p{number}", [1 + number % 100] * 4, 2, number, False, priority=number)
        for number in reversed(range(count))
    ]
    with engine.sampling(settings, ends=()):
        asked = ask(engine, requests, most_steps=1)
    served = [int(name[1:]) for name, said in asked.items() if said.answers]
    waiting = [int(name[1:]) for name, said in asked.items() if not said.answers]
    return served_in_order(served, waiting)


def chunked_prefill(
    engine: ProbedEngine, settings: DecodingSettings, prompt: Prompt, dtype: str
) -> CheckLine:
    """A prompt cut in chunks, by more prompts than fit into a step, gets the same logprobs.

    Every request has a seed: on a CPU the engine would fail here, and chunks are off.
    """
    limit = engine.configuration()["max_num_batched_tokens"]
    text = list(prompt.token_ids) * (LONG_PROMPT // len(prompt.token_ids) + 1)
    count = limit // LONG_PROMPT + 2
    requests = [
        # Each begins differently, so that none finds the other's prefix.
        EngineRequest(f"c{n}", [1 + n, *text[: LONG_PROMPT - 1]], 2, n, True, priority=n)
        for n in range(count)
    ]
    with engine.sampling(settings, ends=()):
        asked = ask(engine, requests)
        late = [name for name, said in asked.items() if said.answers[0].step > 0]
        if not late:
            problem = [f"{count} prompts of {LONG_PROMPT} tokens fitted into one step of {limit}"]
            return check_line("engine", "prefill in chunks", problem, 1, "prompts")
        together = asked[late[0]].answers[0].logprobs[1:]
    cut = next(request for request in requests if request.request_id == late[0])
    with engine.sampling(settings, ends=()):
        alone = ask(engine, [cut])[cut.request_id].answers[0].logprobs[1:]
    return same_logprobs("prefill in chunks", together, alone, dtype)


def compare(
    engine: ProbedEngine, settings: DecodingSettings, model: Mapping[str, str], dtype: str
) -> CheckLine:
    """The engine's most likely tokens against the recorded ones.

    Args:
        engine: the real engine.
        settings: of sampling.
        model: hashes of the model's files.
        dtype: number format.
    """
    reference = read_json(REFERENCE)
    recorded = reference["prompts"]
    prompts = [Prompt(id=name, token_ids=said["prompt"]) for name, said in recorded.items()]
    longest = max(len(said["tokens"]) for said in recorded.values())
    found = greedy(engine, settings, prompts, longest)
    line = greedy_agreement(
        {name: (said["tokens"], said["margins"]) for name, said in recorded.items()},
        {name: tokens for name, (tokens, _) in found.items()},
        TOLERANCE[dtype],
    )
    if line.verdict == "differs" and model != reference["model"]:
        to_do = "the model's files are not those of the reference: fetch the demo's model again"
        return line._replace(to_do=to_do)
    return line
