"""What each result of a plan costs before it starts: GPU hours, tokens, disk.

Tokens are measured in former runs, or published; speeds are measured or given. What is neither is
unknown and left out of the sums, which say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal

from eager.config.experiment import PlannedTarget, current_run, resolve
from eager.config.schema import Experiment
from eager.config.settings import Method
from eager.progress.history import FormerRun, Key, key_of
from eager.report.tables.published import PublishedFigures

HOUR = 3600
"""Seconds."""
GIGABYTE = 1e9
BYTES_PER_TOKEN = 12
"""Token id 4, entropy 4, text about 4; before compression, inherited tokens once."""
Basis = Literal["done", "measured", "measured at another M", "published", "unknown"]


@dataclass(frozen=True)
class Speed:
    """How fast one model is generated with.

    Attributes:
        tokens_per_second: of one GPU, all its sequences together; None: not known.
        load_seconds: to load the model, once per job; None: not known, and counted as 0.
        source: where the figures are from, in words.
    """

    tokens_per_second: float | None
    load_seconds: float | None
    source: str

    def gpu_hours(self, tokens: float | None, loads: int, gpus: int = 1) -> float | None:
        """Hours of one GPU for a result; None where its tokens or the speed are not known.

        Args:
            tokens: tokens generated.
            loads: jobs that load the model.
            gpus: GPUs of a job, all of which wait for the load.
        """
        if tokens is None or self.tokens_per_second is None:
            return None
        loading = loads * gpus * (self.load_seconds or 0)
        return (tokens / self.tokens_per_second + loading) / HOUR


@dataclass(frozen=True)
class Cost:
    """What one result costs; None: not known.

    Attributes:
        folder: where the result goes.
        cell: the row of the TSV; of Full Parallel the one with the largest M.
        method: the method.
        basis: where the tokens are from; `done` is what the result there has cost.
        prompts: prompts.
        jobs: GPU jobs, one per shard that has a prompt.
        gpus: GPUs of each job.
        tokens: tokens that it generates itself.
        gpu_hours: generation, and loading of the model in each job.
        disk_gigabytes: its tables.
        initial: folder of the EAGer-init that a budgeted method goes on from.
    """

    folder: str
    cell: dict[str, Any]
    method: Method
    basis: Basis
    prompts: int | None
    jobs: int
    gpus: int
    tokens: float | None
    gpu_hours: float | None
    disk_gigabytes: float | None
    initial: str | None

    @property
    def hours(self) -> float:
        """Hours from its first to its last token, if its jobs run at once; 0 if not known."""
        return (self.gpu_hours or 0) / (max(1, self.jobs) * self.gpus)


def estimate(
    experiment: Experiment,
    runs: Sequence[FormerRun],
    published: Sequence[PublishedFigures],
    prompts: Mapping[str, int | None],
    speeds: Mapping[str, Speed],
) -> list[Cost]:
    """The cost of every result of an experiment, each once, in order of the cells.

    Args:
        experiment: the plan.
        runs: former runs.
        published: published token counts.
        prompts: number of prompts of each data set.
        speeds: of each model.
    """
    targets: dict[str, PlannedTarget] = {}
    for target in resolve(experiment).all_targets:
        known = targets.setdefault(target.folder, target)
        if target.cell["max_sequences"] > known.cell["max_sequences"]:
            targets[target.folder] = target
    by_folder = {run.folder: run for run in runs}
    return [
        _cost(
            experiment,
            target,
            by_folder.get(target.folder),
            per_prompt(_key(target), runs, published),
            prompts[target.cell["dataset"]],
            speeds[target.cell["model"]],
        )
        for target in targets.values()
    ]


def per_prompt(
    key: Key, runs: Sequence[FormerRun], published: Iterable[PublishedFigures]
) -> tuple[float | None, float | None, Basis]:
    """Tokens and bytes of one prompt of a result, and where they are from.

    Former runs of the same key come first, then (samples of Full Parallel are independent, so that
    its tokens are M times those of one) its runs at another M, then published counts of the same
    model, data set, method and M.

    Args:
        key: of the result.
        runs: former runs.
        published: published figures.
    """
    if same := [run for run in runs if run.key == key]:
        tokens, size, prompts = (
            sum(getattr(run, name) for run in same) for name in ("tokens", "bytes", "prompts")
        )
        return tokens / prompts, size / prompts, "measured"
    alike = [run for run in runs if run.key._replace(max_sequences=key.max_sequences) == key]
    if key.method == "parallel" and alike:
        samples = sum(run.prompts * run.key.max_sequences for run in alike)
        tokens = key.max_sequences * sum(run.tokens for run in alike) / samples
        return tokens, tokens * BYTES_PER_TOKEN, "measured at another M"
    for fact in published:
        if fact.key == key[:4] and fact.tokens_per_prompt is not None:
            return fact.tokens_per_prompt, fact.tokens_per_prompt * BYTES_PER_TOKEN, "published"
    return None, None, "unknown"


def speeds_of(
    models: Iterable[str],
    runs: Sequence[FormerRun],
    given: Mapping[str, float],
    load: float | None,
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
        own = [run for run in runs if run.key.model == model]
        measured = f"measured on {', '.join(sorted({run.hardware for run in own}))}"
        seconds = sum(run.seconds * run.gpus for run in own)
        rate = given.get(model, given.get(""))
        told = "no speed known (give --tokens-per-second)"
        if rate is not None or seconds:
            how = measured if rate is None else "given"
            rate = sum(run.tokens for run in own) / seconds if rate is None else rate
            told = f"{rate:,.0f} tokens/s ({how})"
        loads = [seconds for run in own for seconds in run.loads]
        loading = load if load is not None or not loads else fmean(loads)
        if loading is None:
            told += "; time to load it not known, counted as 0 (give --load-seconds)"
        else:
            how = measured if load is None else "given"
            told += f"; {loading:,.0f} s to load it in each job ({how})"
        speeds[model] = Speed(rate, loading, f"{model}: {told}")
    return speeds


def longest_chain(costs: Iterable[Cost]) -> list[Cost]:
    """Of the results that are still to run, those that wait for each other longest.

    A budgeted method begins when EAGer-init of its cell has ended; nothing else waits.
    """
    left = {cost.folder: cost for cost in costs if cost.basis != "done"}
    chains = [
        [*([left[cost.initial]] if cost.initial in left else []), cost] for cost in left.values()
    ]
    return max(chains, key=lambda chain: sum(cost.hours for cost in chain), default=[])


def _key(target: PlannedTarget) -> Key:
    settings = target.settings.model_copy(update={"max_sequences": target.cell["max_sequences"]})
    return key_of(target.cell["model"], target.cell["dataset"], settings)


def _cost(
    experiment: Experiment,
    target: PlannedTarget,
    run: FormerRun | None,
    known: tuple[float | None, float | None, Basis],
    prompts: int | None,
    speed: Speed,
) -> Cost:
    model, dataset, cap = (target.cell[key] for key in ("model", "dataset", "max_sequences"))
    tokens, size, basis = known
    jobs, gpus = experiment.shards(model, dataset), experiment.gpus(model)
    there = _samples_there(target, run)
    hours: float | None
    if run is not None and there >= cap:
        basis, prompts, jobs, gpus = "done", run.prompts, len(run.loads), run.gpus
        tokens, hours = run.tokens, gpus * (run.seconds + sum(run.loads)) / HOUR
        size = run.bytes
    else:
        jobs = jobs if prompts is None else min(jobs, prompts)
        size = None if size is None or prompts is None else size * prompts
        if tokens is not None:
            tokens = None if prompts is None else tokens * prompts * (1 - there / cap)
        hours = speed.gpu_hours(tokens, jobs, gpus)
    return Cost(
        folder=target.folder,
        cell={name: value for name, value in target.cell.items() if name != "experiment"},
        method=target.method,
        basis=basis,
        prompts=prompts,
        jobs=jobs,
        gpus=gpus,
        tokens=tokens,
        gpu_hours=hours,
        disk_gigabytes=None if size is None else size / GIGABYTE,
        initial=target.initial,
    )


def _samples_there(target: PlannedTarget, run: FormerRun | None) -> int:
    """M of the result that is there; 0 if other settings or code would make it now.

    A folder of Full Parallel that holds fewer samples than are wanted keeps them.
    """
    if run is None:
        return 0
    smaller = {"max_sequences": min(run.key.max_sequences, target.settings.max_sequences)}
    held = target.model_copy(update={"settings": target.settings.model_copy(update=smaller)})
    return run.key.max_sequences if current_run(held) else 0
