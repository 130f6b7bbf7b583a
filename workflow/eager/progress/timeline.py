"""How long a plan takes on a number of GPUs, and what its end waits for: pure.

EAGer-adapt and full EAGer start when all shards of their EAGer-init have ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eager.progress.estimate import Cost
from eager.progress.schedule import Job, critical_path, list_schedule, work
from eager.util.errors import EagerError


@dataclass(frozen=True)
class PathResult:
    """A result on the critical path, and the hours of its longest job."""

    folder: str
    cell: dict[str, Any]
    method: str
    hours: float


@dataclass(frozen=True)
class Timeline:
    """The time from now to the end of a plan's generations.

    Attributes:
        gpus: GPUs that run jobs, all the time.
        hours: to the end of the last job, by list scheduling.
        path: results on the critical path, in order.
        hours_of_path: their hours; no number of GPUs takes less.
        hours_of_work: GPU hours over GPUs; no order of jobs takes less.
        uncounted: results still to run of unknown cost, which are not in it.
    """

    gpus: int
    hours: float
    path: list[PathResult]
    hours_of_path: float
    hours_of_work: float
    uncounted: int


def timeline(costs: Sequence[Cost], gpus: int) -> Timeline:
    """The plan's end on a number of equal GPUs, from results that are still to run.

    Raises:
        EagerError: a job needs more GPUs than there are.
    """
    left = [cost for cost in costs if cost.basis != "done"]
    if short := [cost for cost in left if cost.gpus > gpus]:
        raise EagerError(
            f"--gpus {gpus}: a job of {short[0].cell['model']} needs {short[0].gpus}; give at "
            "least as many, or lower its tensor_parallel_size"
        )
    jobs, of_job = jobs_of(left)
    path = [
        PathResult(cost.folder, cost.cell, cost.method, jobs[name].hours)
        for name in critical_path(jobs)
        if (cost := of_job[name])
    ]
    return Timeline(
        gpus=gpus,
        hours=list_schedule(jobs, gpus).end,
        path=path,
        hours_of_path=sum(result.hours for result in path),
        hours_of_work=work(jobs) / gpus,
        uncounted=sum(cost.gpu_hours is None for cost in left),
    )


def jobs_of(left: Sequence[Cost]) -> tuple[dict[str, Job], dict[str, Cost]]:
    """The generation jobs of results whose hours are known, and the result of each.

    The shards of a result take equally long, as the prompts are assigned by estimated cost; those
    without a prompt take no time and are left out.
    """
    known = [cost for cost in left if cost.gpu_hours is not None]
    shards = {
        cost.folder: tuple(
            f"{cost.folder} {shard + 1}-of-{cost.jobs}" for shard in range(cost.loads or cost.jobs)
        )
        for cost in known
    }
    jobs: dict[str, Job] = {}
    of_job: dict[str, Cost] = {}
    for cost in known:
        waits = () if cost.initial is None else shards.get(cost.initial, ())
        hours = (cost.gpu_hours or 0) / (len(shards[cost.folder]) * cost.gpus)
        for name in shards[cost.folder]:
            jobs[name], of_job[name] = Job(hours, cost.gpus, waits), cost
    return jobs, of_job
