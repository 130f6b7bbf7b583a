"""What each result of a plan costs before it starts: GPU hours, tokens, disk.

A figure comes from former runs, from published counts, or from the caller (`knowledge.py`); where
there is none, it is a guess from the nearest one (`guesses.py`) and is counted apart
(`totals.py`). Every assumption is named in the output (`assumptions.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
        jobs: GPU jobs, one per shard.
        gpus: GPUs of each job.
        loads: jobs that load the model; those that have no prompt load none.
        tokens: tokens it generates itself.
        tokens_naive: with every sample drawn again for each M and, of budgeted methods where the
            count is ours, EAGer-init again.
        gpu_hours: generation, and loading of the model in `loads` jobs.
        gpu_hours_naive: of `tokens_naive`, with a load in each job that has a prompt.
        disk_gigabytes: its tables.
        caps: every M that is asked of it, the largest first; several of Full Parallel.
        initial: folder of the EAGer-init that a budgeted method goes on from.
    """

    folder: str
    cell: dict[str, Any]
    method: Method
    basis: Basis
    guessed_from: str
    prompts: int | None
    jobs: int
    gpus: int
    loads: int
    tokens: float | None
    tokens_naive: float | None
    gpu_hours: float | None
    gpu_hours_naive: float | None
    disk_gigabytes: float | None
    caps: tuple[int, ...]
    initial: str | None


@dataclass(frozen=True)
class Planned:
    """A result of the plan with what is known of it.

    Attributes:
        cell: the one with the largest M.
        smaller: what a prompt costs at each smaller M, if nothing is shared.
        caps: of `Cost`.
        initial: of `Cost`.
        alone: what a prompt costs if nothing is shared.
        own: the run that is there, made with these settings and this code; None: still to run.
        there: samples of Full Parallel that an own run with a smaller M has.
    """

    folder: str
    cell: Cell
    method: Method
    caps: tuple[int, ...]
    initial: str | None
    alone: PerPrompt
    smaller: tuple[PerPrompt, ...]
    own: FormerRun | None
    there: int


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
    costs = {
        result.folder: _cost(
            experiment, result, prompts[result.cell.dataset], speeds[result.cell.model]
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
    name = experiment.config.experiment
    asked: dict[tuple[str, Method], list[Cell]] = {}
    for cell in experiment.cells:
        for method in methods:
            asked.setdefault((result_folder(name, cell, method), method), []).append(cell)
    found = []
    for (folder, method), cells in asked.items():
        caps = sorted({cell.max_sequences for cell in cells}, reverse=True)
        of_caps = {cell.max_sequences: cell for cell in reversed(cells)}
        cell = of_caps[caps[0]]
        for key in (_key(of_caps[cap], method) for cap in caps):
            if key not in known:
                known[key] = per_prompt(key, runs, facts[cell.temperature], kinds)
        alone, *smaller = (known[_key(of_caps[cap], method)] for cap in caps)
        there = _samples_there(experiment, cell, method, runs_by_folder.get(folder))
        budgeted = method in BUDGET_METHODS
        found.append(
            Planned(
                folder,
                cell,
                method,
                caps=tuple(caps),
                initial=result_folder(name, cell, "eager_init") if budgeted else None,
                alone=alone,
                smaller=tuple(smaller),
                own=runs_by_folder[folder] if there >= cell.max_sequences else None,
                there=there,
            )
        )
    return found


def _samples_there(
    experiment: Experiment, cell: Cell, method: Method, run: FormerRun | None
) -> int:
    """M of the run that is there; 0 if other settings or code would make it now."""
    if run is None:
        return 0
    wanted = experiment.decoding(cell, method)
    if method == "parallel":
        wanted = wanted.model_copy(update={"max_sequences": run.key.max_sequences})
    code = code_identity("tokens", method)
    is_current = (run.parameters, run.code) == (wanted.model_dump(mode="json"), code)
    return run.key.max_sequences if is_current else 0


def _cost(experiment: Experiment, result: Planned, prompts: int | None, speed: Speed) -> Cost:
    """What a result costs."""
    if result.own is not None:
        return _cost_of_run(experiment, result, result.own, speed)
    cell, alone = result.cell, result.alone
    jobs, gpus = experiment.shards(cell.model, cell.dataset), experiment.gpus(cell.model)
    working = _with_prompts(jobs, prompts)
    every = _times(alone.tokens, prompts)
    naive = _plus(every, _tokens_of_smaller(result, prompts))
    tokens = _times(every, 1 - result.there / cell.max_sequences)
    return Cost(
        folder=result.folder,
        cell=experiment.columns(cell),
        method=result.method,
        basis=alone.basis,
        guessed_from=alone.words,
        prompts=prompts,
        jobs=jobs,
        gpus=gpus,
        loads=working,
        tokens=tokens,
        tokens_naive=naive,
        gpu_hours=gpu_hours(tokens, speed, working, gpus),
        gpu_hours_naive=gpu_hours(naive, speed, working * len(result.caps), gpus),
        disk_gigabytes=_times(_times(alone.bytes, prompts), 1 / GIGABYTE),
        caps=result.caps,
        initial=result.initial,
    )


def _cost_of_run(experiment: Experiment, result: Planned, run: FormerRun, speed: Speed) -> Cost:
    """What a result that is there has cost; measured."""
    jobs = experiment.shards(result.cell.model, result.cell.dataset)
    hours = run.gpus * (run.seconds + sum(run.loads)) / HOUR
    smaller = _tokens_of_smaller(result, run.prompts)
    again = _with_prompts(jobs, run.prompts) * len(result.smaller)
    return Cost(
        folder=result.folder,
        cell=experiment.columns(result.cell),
        method=result.method,
        basis="done",
        guessed_from="",
        prompts=run.prompts,
        jobs=jobs,
        gpus=run.gpus,
        loads=len(run.loads),
        tokens=run.tokens,
        tokens_naive=_plus(run.tokens, smaller),
        gpu_hours=hours,
        gpu_hours_naive=_plus(hours, gpu_hours(smaller, speed, again, run.gpus)),
        disk_gigabytes=run.bytes / GIGABYTE,
        caps=result.caps,
        initial=result.initial,
    )


def _tokens_of_smaller(result: Planned, prompts: int | None) -> float | None:
    """Tokens of all smaller M, drawn again."""
    tokens: float | None = 0.0
    for alone in result.smaller:
        tokens = _plus(tokens, _times(alone.tokens, prompts))
    return tokens


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
