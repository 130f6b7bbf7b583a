"""Engine options for a machine and a model, from a short trial on the engine itself.

More sequences at once make more tokens per second until the machine is busy; beyond that they only
take memory. The trial decodes a doubling number of sequences and takes the smallest that is as good
as the best. Nothing here changes a result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from eager.config.settings import DecodingSettings, EngineOptions, NumberFormat
from eager.data.models import model_folder
from eager.data.prompts import Prompt, read_prompts
from eager.generation.engine import Engine, EngineRequest, VllmEngine
from eager.machine.hardware import GIB, available_bytes, machine_name
from eager.util.errors import EagerError
from eager.util.files import read_json

FIRST_BATCH, LARGEST_BATCH = 8, 512
GOOD_ENOUGH = 0.95
"""A number of sequences is as good as the best if it makes this share of its tokens per second."""
FEWEST_STEPS = 3
MOST_STEPS = 64

Clock = Callable[[], float]


def tune(
    manifest: Path, prompts: Path, dtype: NumberFormat, max_tokens: int | None, seconds: float
) -> str:
    """Try a model on this machine; the section `engine` of an experiment as YAML.

    Args:
        manifest: of the model.
        prompts: prompts.parquet of a data set, encoded for the model.
        dtype: number format of the weights.
        max_tokens: tokens of an answer; None: what the context has.
        seconds: of the trial, without loading the model.

    Raises:
        EagerError: an input is missing, or there is not enough memory.
    """
    several, vocabulary = read_prompts(prompts)
    folder, name = model_folder(manifest), read_json(manifest)["model"]
    settings = DecodingSettings(
        method="parallel", max_sequences=1, temperature=1.0, seed=0, dtype=dtype
    )
    memory = _gpu_memory()
    values: dict[str, float] = {}
    if memory is not None:
        values["gpu_memory_utilization"] = choose_gpu_memory_utilization(*memory)
    options = EngineOptions.model_validate({"max_num_seqs": LARGEST_BATCH, **values})
    context = vocabulary.context_length
    engine = VllmEngine(folder, settings, options, context, end_of_sequence=())
    rates = trial_rates(engine, several, engine.kv_capacity_tokens, seconds)
    chosen = choose_max_num_seqs(rates)
    values["max_num_seqs"] = chosen
    if memory is None:
        longest = max(len(prompt.token_ids) for prompt in several) + (max_tokens or context)
        values["cpu_kv_cache_gib"] = choose_cpu_kv_cache_gib(
            chosen * min(context, longest), engine.kv_bytes_per_token, available_bytes()
        )
    return entry(rates, values, name, machine_name())


def trial_rates(
    engine: Engine,
    prompts: Sequence[Prompt],
    capacity: int,
    seconds: float,
    clock: Clock = perf_counter,
) -> dict[int, float]:
    """Tokens a second by sequences at once, doubling until that no longer helps.

    Args:
        engine: one that ends no sequence by itself.
        prompts: taken in turn.
        capacity: tokens that the KV cache holds.
        seconds: of the whole trial, about.
        clock: seconds; another one in tests.

    Raises:
        EagerError: not even the first number of sequences fits into the KV cache.
    """
    longest = max(len(prompt.token_ids) for prompt in prompts)
    rates: dict[int, float] = {}
    batch = FIRST_BATCH
    share = seconds / (math.log2(LARGEST_BATCH / FIRST_BATCH) + 2)
    end = clock() + seconds
    while batch <= LARGEST_BATCH and batch * (longest + MOST_STEPS) <= capacity:
        if rates and clock() >= end:
            break
        rates[batch] = decoding_rate(engine, prompts, batch, share, clock)
        if batch > FIRST_BATCH * 2 and choose_max_num_seqs(rates) < batch / 2:
            break
        batch *= 2
    if not rates:
        raise EagerError(
            f"the KV cache holds {capacity:,} tokens, too few for {FIRST_BATCH} sequences of "
            f"{longest + MOST_STEPS:,}; raise cpu_kv_cache_gib or gpu_memory_utilization"
        )
    return rates


def decoding_rate(
    engine: Engine, prompts: Sequence[Prompt], batch: int, seconds: float, clock: Clock
) -> float:
    """Tokens a second while `batch` sequences are decoded; their prompts are not counted."""
    names = [f"trial-{batch}-{number}" for number in range(batch)]
    for number, name in enumerate(names):
        ids = list(prompts[number % len(prompts)].token_ids)
        engine.submit(EngineRequest(name, ids, 10**6, number, True, priority=0))
    waiting = set(names)
    while waiting:
        waiting -= {output.request_id for output in engine.step()}
    start, steps = clock(), 0
    while steps < FEWEST_STEPS or (clock() - start < seconds and steps < MOST_STEPS // 2):
        engine.step()
        steps += 1
    passed = clock() - start
    for name in names:
        engine.abort(name)
    return batch * steps / passed


def choose_max_num_seqs(rates: Mapping[int, float]) -> int:
    """The smallest number of sequences that is as good as the best."""
    best = max(rates.values())
    return min(batch for batch, rate in rates.items() if rate >= GOOD_ENOUGH * best)


def choose_cpu_kv_cache_gib(tokens: int, bytes_per_token: int, available: int) -> int:
    """GiB of KV cache for so many tokens, at most half of the memory that is free, at least 1."""
    wanted = math.ceil(tokens * bytes_per_token / GIB)
    return max(1, min(wanted, available // 2 // GIB))


def choose_gpu_memory_utilization(free_bytes: int, total_bytes: int) -> float:
    """Share of a GPU's memory for vLLM: what is free before it starts, less 1 GiB.

    Raises:
        EagerError: less than a tenth of the memory would be left.
    """
    share = math.floor(100 * (free_bytes - GIB) / total_bytes) / 100
    if share < 0.1:
        raise EagerError(
            f"only {free_bytes / GIB:.1f} of {total_bytes / GIB:.1f} GiB of the GPU's memory are "
            "free; end what uses it, or choose another GPU with CUDA_VISIBLE_DEVICES"
        )
    return min(share, 0.95)


def entry(
    rates: Mapping[int, float], options: Mapping[str, float], model: str, machine: str
) -> str:
    """The section `engine` of an experiment as YAML, with what it rests on as comments.

    Args:
        rates: tokens a second by sequences at once.
        options: what was chosen.
        model: its name.
        machine: what it was measured on, in words.
    """
    shown = ", ".join(f"{batch}: {rate:,.0f}" for batch, rate in rates.items())
    lines = "\n".join(f"  {name}: {value:g}" for name, value in options.items())
    return f"""\
# Written by `eager tune`, {datetime.now(UTC).date().isoformat()}: {model} on {machine}.
# Use it beside an experiment: snakemake --configfile config/EXPERIMENT.yaml THIS_FILE
# Tokens a second by sequences at once: {shown}.
engine:
{lines}
"""


def _gpu_memory() -> tuple[int, int] | None:
    """Free and total bytes of the GPU that vLLM would take; None if there is none."""
    import torch

    return torch.cuda.mem_get_info() if torch.cuda.is_available() else None
