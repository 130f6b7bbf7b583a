"""How fast a model is generated with, and the GPU hours that follow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from eager.progress.history import FormerRun, load_seconds, tokens_per_second

HOUR = 3600
"""Seconds."""


@dataclass(frozen=True)
class Speed:
    """How fast one model is generated with.

    Attributes:
        tokens_per_second: of one GPU, all its sequences together; None: not known.
        load_seconds: to load the model, once per job; None: not known.
        source: where the figures are from, in words.
    """

    tokens_per_second: float | None
    load_seconds: float | None
    source: str


def gpu_hours(tokens: float | None, speed: Speed, loads: int, gpus: int = 1) -> float | None:
    """Hours of one GPU for a result; None where its tokens or the speed are not known.

    The time to load counts as zero where it is not known (the output says so).

    Args:
        tokens: tokens generated.
        speed: of the model.
        loads: jobs that load it.
        gpus: GPUs of a job, all of which wait for the load.
    """
    if tokens is None or speed.tokens_per_second is None:
        return None
    return (tokens / speed.tokens_per_second + loads * gpus * (speed.load_seconds or 0)) / HOUR


def speeds_of(
    models: Iterable[str], runs: list[FormerRun], given: Mapping[str, float], load: float | None
) -> dict[str, Speed]:
    """The speed of each model: what the caller says, else what former runs had.

    Args:
        models: their names.
        runs: former runs.
        given: tokens per second of one GPU by model; the name "" stands for all others.
        load: seconds to load any model; None: as in former runs.
    """
    speeds = {}
    for model in models:
        own = [run for run in runs if run.model == model]
        rate = given.get(model, given.get("")) or tokens_per_second(own)
        loading = load_seconds(own) if load is None else load
        measured = f"measured on {', '.join(sorted({run.hardware for run in own}))}"
        rate_source = "given" if model in given or "" in given else measured
        load_source = measured if load is None else "given"
        source = (
            f"{model}: no speed known (give --tokens-per-second)"
            if rate is None
            else f"{model}: {rate:,.0f} tokens/s ({rate_source})"
        )
        source += (
            "; time to load it not known, counted as 0 (give --load-seconds)"
            if loading is None
            else f"; {loading:,.0f} s to load it in each job ({load_source})"
        )
        speeds[model] = Speed(rate, loading, source)
    return speeds
