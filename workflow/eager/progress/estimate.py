"""What each result of a plan costs before it starts: GPU hours, tokens, disk.

A figure comes from former runs, from published counts, or from the caller (`knowledge.py`); where
there is none, it is a guess from the nearest one (`guesses.py`) and is counted apart
(`totals.py`). Every assumption is named in the output (`assumptions.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eager.config.paths import result_folder
from eager.config.schema import Cell, Experiment
from eager.config.settings import BUDGET_METHODS, Method
from eager.progress.history import FormerRun, Key
from eager.progress.knowledge import Basis, PerPrompt, known_facts, per_prompt
from eager.progress.speeds import HOUR, Speed, gpu_hours
from eager.report.tables.published import PublishedFigures
from eager.util.fingerprint import code_identity

GIGABYTE = 1e9


@dataclass(frozen=True)
class Cost:
    """What one result costs; None: not known.

    Attributes:
        folder: where the result goes.
        cell: the row of the TSV.
        method: the method.
        basis: where the tokens are from; `done` is what the result there has cost.
        guessed_from: what a guess is from, in words; else empty.
        prompts: prompts.
        samples: samples per prompt that it generates itself; of Full Parallel only.
        jobs: GPU jobs, one per shard.
        gpus: GPUs of each job.
        loads: jobs that load the model; those that find all their samples, or have no prompt, load
            none.
        tokens: tokens it generates itself.
        tokens_naive: with every sample drawn again for each M and, of budgeted methods where the
            count is ours, EAGer-init again.
        gpu_hours: generation, and loading of the model in `loads` jobs.
        gpu_hours_naive: of `tokens_naive`, with a load in each job that has a prompt.
        disk_gigabytes: its tables.
        pool: results of Full Parallel with equal pools share their samples; None: branching.
        initial: folder of the EAGer-init that a budgeted method goes on from.
    """

    folder: str
    cell: dict[str, Any]
    method: Method
    basis: Basis
    guessed_from: str
    prompts: int | None
    samples: int | None
    jobs: int
    gpus: int
    loads: int
    tokens: float | None
    tokens_naive: float | None
    gpu_hours: float | None
    gpu_hours_naive: float | None
    disk_gigabytes: float | None
    pool: tuple[Any, ...] | None
    initial: str | None


@dataclass(frozen=True)
class Planned:
    """A result of the plan with what is known of it.

    Attributes:
        pool: of `Cost`.
        initial: of `Cost`.
        alone: what a prompt costs if nothing is shared.
        own: the run that is there, made with these settings and this code; None: still to run.
    """

    folder: str
    cell: Cell
    method: Method
    pool: tuple[Any, ...] | None
    initial: str | None
    alone: PerPrompt
    own: FormerRun | None


def nested_samples(sizes: Mapping[str, int], done: Iterable[int]) -> dict[str, int]:
    """Samples per prompt that each result of one pool still generates.

    A smaller M is the first samples of a larger one: the largest M generates those that no result
    has yet, and the others wait for it and generate none.

    Args:
        sizes: M of each result, by folder.
        done: M of each result that is there.
    """
    if not sizes:
        return {}
    there = max(done, default=0)
    largest = max(sizes, key=lambda folder: sizes[folder])
    return dict.fromkeys(sizes, 0) | {largest: max(0, sizes[largest] - there)}


def estimate(
    experiment: Experiment,
    runs: list[FormerRun],
    published: list[PublishedFigures],
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
    planned = plan(experiment, runs, published)
    generated: dict[str, int] = {}
    for pool in dict.fromkeys(result.pool for result in planned if result.pool):
        members = [result for result in planned if result.pool == pool]
        generated |= nested_samples(
            {result.folder: result.cell.max_sequences for result in members},
            [result.cell.max_sequences for result in members if result.own],
        )
    costs = {
        result.folder: _cost(
            experiment,
            result,
            prompts[result.cell.dataset],
            generated.get(result.folder),
            speeds[result.cell.model],
        )
        for result in planned
    }
    for result in planned:
        if result.initial and not result.alone.by_authors:
            cost, first = costs[result.folder], costs[result.initial]
            speed = speeds[result.cell.model]
            costs[result.folder] = _with_own_initial(cost, first, speed)
    return list(costs.values())


def plan(
    experiment: Experiment, runs: Sequence[FormerRun], published: Sequence[PublishedFigures]
) -> list[Planned]:
    """All results of an experiment, each once, and the EAGer-init it needs and does not show."""
    methods = list(experiment.config.methods)
    if "eager_init" not in methods and set(methods) & set(BUDGET_METHODS):
        methods.insert(0, "eager_init")
    kinds = {name: entry.kind for name, entry in experiment.datasets.items()}
    facts = {
        cell.temperature: known_facts(runs, published, cell.temperature)
        for cell in experiment.cells
    }
    runs_by_folder = {run.folder: run for run in runs}
    known: dict[Key, PerPrompt] = {}
    name, found = experiment.config.experiment, {}
    for cell in experiment.cells:
        for method in methods:
            folder = result_folder(name, cell, method)
            if folder in found:
                continue
            key = _key(cell, method)
            if key not in known:
                known[key] = per_prompt(key, runs, facts[cell.temperature], kinds)
            budgeted = method in BUDGET_METHODS
            pooled = cell.model, cell.dataset, cell.temperature, cell.seed
            found[folder] = Planned(
                folder,
                cell,
                method,
                pool=pooled if method == "parallel" else None,
                initial=result_folder(name, cell, "eager_init") if budgeted else None,
                alone=known[key],
                own=_as_wanted(experiment, cell, method, runs_by_folder.get(folder)),
            )
    return list(found.values())


def _as_wanted(
    experiment: Experiment, cell: Cell, method: Method, run: FormerRun | None
) -> FormerRun | None:
    """The run that is there, unless `eager status` calls it outdated: it is made again then."""
    if run is None:
        return None
    settings = experiment.decoding(cell, method).model_dump(mode="json")
    code = code_identity("tokens", method)
    return run if (run.parameters, run.code) == (settings, code) else None


def _cost(
    experiment: Experiment,
    result: Planned,
    prompts: int | None,
    samples: int | None,
    speed: Speed,
) -> Cost:
    """What a result costs; `samples` per prompt are those of Full Parallel still to generate."""
    if result.own is not None:
        return _cost_of_run(experiment, result, result.own, speed)
    cell, alone = result.cell, result.alone
    jobs, gpus = experiment.shards(cell.model, cell.dataset), experiment.gpus(cell.model)
    working = _with_prompts(jobs, prompts)
    loads = 0 if samples == 0 else working
    naive = _times(alone.tokens, prompts)
    tokens = naive if samples is None else _times(naive, samples / cell.max_sequences)
    return Cost(
        folder=result.folder,
        cell=experiment.columns(cell),
        method=result.method,
        basis=alone.basis,
        guessed_from=alone.words,
        prompts=prompts,
        samples=samples,
        jobs=jobs,
        gpus=gpus,
        loads=loads,
        tokens=tokens,
        tokens_naive=naive,
        gpu_hours=gpu_hours(tokens, speed, loads, gpus),
        gpu_hours_naive=gpu_hours(naive, speed, working, gpus),
        disk_gigabytes=_times(_times(alone.bytes, prompts), 1 / GIGABYTE),
        pool=result.pool,
        initial=result.initial,
    )


def _cost_of_run(experiment: Experiment, result: Planned, run: FormerRun, speed: Speed) -> Cost:
    """What a result that is there has cost; measured, whatever speed is given."""
    jobs = experiment.shards(result.cell.model, result.cell.dataset)
    seconds, loads = run.gpus * run.seconds, run.gpus * sum(run.loads)
    hours = (run.generated * seconds + loads) / HOUR
    found = not run.loads and not run.generated * run.tokens
    working = _with_prompts(jobs, run.prompts)
    loads_again = (gpu_hours(0, speed, working, run.gpus) or 0) if found else 0
    return Cost(
        folder=result.folder,
        cell=experiment.columns(result.cell),
        method=result.method,
        basis="done",
        guessed_from="",
        prompts=run.prompts,
        samples=None if run.samples is None else round(run.samples / run.prompts),
        jobs=jobs,
        gpus=run.gpus,
        loads=len(run.loads),
        tokens=run.generated * run.tokens,
        tokens_naive=run.tokens,
        gpu_hours=hours,
        gpu_hours_naive=(seconds + loads) / HOUR + loads_again,
        disk_gigabytes=run.bytes / GIGABYTE,
        pool=result.pool,
        initial=result.initial,
    )


def _with_prompts(jobs: int, prompts: int | None) -> int:
    """Jobs that have a prompt to generate, where the number of prompts is known."""
    return jobs if prompts is None else min(jobs, prompts)


def _with_own_initial(cost: Cost, initial: Cost, speed: Speed) -> Cost:
    """The cost of a budgeted result whose naive program draws EAGer-init again in the same job."""
    tokens = initial.tokens_naive
    hours = gpu_hours(tokens, speed, loads=0)
    if initial.basis not in ("done", "measured") or tokens is None or cost.tokens_naive is None:
        return cost
    return replace(
        cost,
        tokens_naive=cost.tokens_naive + tokens,
        gpu_hours_naive=_plus(cost.gpu_hours_naive, hours),
    )


def _times(value: float | None, factor: float | None) -> float | None:
    return None if value is None or factor is None else value * factor


def _plus(value: float | None, more: float | None) -> float | None:
    return None if value is None or more is None else value + more


def _key(cell: Cell, method: Method) -> Key:
    branches = method != "parallel"
    return Key(
        cell.model,
        cell.dataset,
        method,
        cell.max_sequences,
        cell.entropy_threshold if branches else None,
        cell.temperature,
        cell.rule if branches else None,
    )
