"""How fast, and what follows for the paper's models: tokens per second, options, hours."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from eager.config.settings import StrictModel
from eager.monitor.machine.verdicts import Line
from eager.report.tables.published import PublishedFigures

GIB = 2**30
OVERHEAD = 3 * GIB
"""Bytes of a GPU for activations, graphs and CUDA itself; an assumption."""
MOST_SEQUENCES = 512
"""Nothing beyond is suggested: CUDA graphs end there by default."""
UTILIZATION = 0.9
CONTEXT = 32_768
"""Tokens of prompt and answer in the paper's plan."""


class Rate(StrictModel):
    """One timed decoding.

    Attributes:
        method: parallel or eager_init.
        sequences: that were decoded at once at most.
        tokens: generated.
        seconds: of the whole.
        replay_seconds: of the same tokens as plain requests.
        driver_seconds: our own share of `seconds`.
    """

    method: str
    sequences: int
    tokens: int
    seconds: float
    replay_seconds: float
    driver_seconds: float

    def line(self) -> Line:
        """Figures for the page."""
        return Line(
            area="speed",
            name=f"{self.method}, {self.sequences} sequences",
            verdict="note",
            found=(
                f"{self.tokens / self.seconds:,.0f} tokens/s; "
                f"{self.seconds / self.replay_seconds:.2f} times the seconds of a plain replay "
                f"({self.tokens / self.replay_seconds:,.0f} tokens/s); "
                f"our driver {self.driver_seconds / self.seconds:.1%}"
            ),
        )


@dataclass(frozen=True)
class ModelSize:
    """What a model takes of a GPU, from its public configuration.

    Attributes:
        weights: bytes, as vLLM loads them.
        kv: bytes of KV cache per token, as if every layer attended to all tokens.
    """

    weights: float
    kv: int


def kv_bytes(layers: int, kv_heads: int, head_size: int, bytes_per_value: int = 2) -> int:
    """Bytes of KV cache for one token: a key and a value of each head of each layer."""
    return 2 * layers * kv_heads * head_size * bytes_per_value


PAPER_MODELS: dict[str, ModelSize] = {
    # Parameters in bfloat16; gpt-oss-20b: its checkpoint in MXFP4.
    "SmolLM3-3B": ModelSize(3.08e9 * 2, kv_bytes(36, 4, 128)),
    "Qwen3-4B": ModelSize(4.02e9 * 2, kv_bytes(36, 8, 128)),
    "DeepSeek-R1-0528-Qwen3-8B": ModelSize(8.19e9 * 2, kv_bytes(36, 8, 128)),
    "gpt-oss-20b": ModelSize(13.8e9, kv_bytes(24, 8, 64)),
}
"""The paper's models."""


@dataclass(frozen=True)
class Suggestion:
    """Options for one model on one kind of GPU.

    Attributes:
        gpus: that share the model (tensor_parallel_size).
        sequences: max_num_seqs.
        kv_tokens: tokens that its KV cache holds.
    """

    gpus: int
    sequences: int
    kv_tokens: int


def mean_length(model: str, published: Iterable[PublishedFigures]) -> float:
    """Mean tokens of a sequence by the published counts of Full Parallel; else half a context."""
    known = [
        figures.tokens_per_prompt / figures.max_sequences
        for figures in published
        if figures.model == model and figures.method == "parallel" and figures.tokens_per_prompt
    ]
    return sum(known) / len(known) if known else CONTEXT / 2


def suggest(size: ModelSize, gpu_bytes: int, gpus: int, length: float) -> Suggestion | None:
    """The fewest GPUs that hold a model and two whole contexts; None if all do not.

    Args:
        size: of the model.
        gpu_bytes: memory of one GPU.
        gpus: how many there are.
        length: mean tokens of a sequence; while it is decoded it holds half of them on average,
            and memory is left for all.
    """
    count = 1
    while count <= gpus:
        available = count * (UTILIZATION * gpu_bytes - OVERHEAD) - size.weights
        tokens = int(available / size.kv)
        if tokens >= 2 * CONTEXT:
            fitting = max(1, int(tokens / length))
            return Suggestion(count, min(MOST_SEQUENCES, 2 ** int(math.log2(fitting))), tokens)
        count *= 2
    return None


def fastest(size: ModelSize, bandwidth: float, choice: Suggestion, length: float) -> float:
    """Tokens per second of one GPU that its memory bandwidth allows, at most.

    A step reads all weights once and the cache of every sequence, half of it on average; for a
    mixture of experts this holds as soon as a batch touches all of them.

    Args:
        size: of the model.
        bandwidth: bytes per second of one GPU's memory, measured.
        choice: sequences at once, and GPUs.
        length: mean tokens of a sequence.
    """
    read = size.weights + choice.sequences * size.kv * length / 2
    return choice.sequences * bandwidth / read


def options_lines(
    gpu_bytes: int, gpus: int, published: Sequence[PublishedFigures]
) -> tuple[list[Line], dict[str, Suggestion]]:
    """A line and a suggestion for each of the paper's models that fits."""
    lines, chosen = [], {}
    for name, size in PAPER_MODELS.items():
        length = mean_length(name, published)
        choice = suggest(size, gpu_bytes, gpus, length)
        if choice is None:
            found = f"{size.weights / GIB:.1f} GiB of weights and its KV cache do not fit"
            lines.append(Line(area="plan", name=name, verdict="note", found=found))
            continue
        chosen[name] = choice
        found = (
            f"max_num_seqs: {choice.sequences}, gpu_memory_utilization: {UTILIZATION:g}, "
            f"tensor_parallel_size: {choice.gpus} ({choice.kv_tokens:,} tokens of KV cache of "
            f"{size.kv:,} bytes, {length:,.0f} tokens per sequence)"
        )
        lines.append(Line(area="plan", name=name, verdict="note", found=found))
    return lines, chosen


def hours_line(hours: float | None, unknown: int, speeds: Mapping[str, float]) -> Line:
    """What the paper's plan takes at the fastest that memory bandwidth allows."""
    name = "paper's plan"
    if hours is None:
        return Line(area="plan", name=name, verdict="note", found="no model fits, no hours")
    rates = ", ".join(f"{model} {rate:,.0f}" for model, rate in speeds.items())
    left = f"; {unknown} results without published counts are not in it" if unknown else ""
    found = (
        f"at least {hours:,.1f} GPU hours by `eager estimate`, at the most tokens/s that memory "
        f"bandwidth allows ({rates}){left}"
    )
    return Line(area="plan", name=name, verdict="note", found=found)
