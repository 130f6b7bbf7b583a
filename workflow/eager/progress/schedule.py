"""List scheduling of jobs that wait for each other on equal GPUs: pure.

A job that is ready starts as soon as enough GPUs are free; of several the one with the longest path
of jobs after it. Where every job needs one GPU, the end is at most 2 - 1/m times the least possible
one on m GPUs, and at most (work - path) / m + path, with the critical path's length.

Source: Graham, Bounds on multiprocessing timing anomalies, SIAM J. Appl. Math. 17 (1969).
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter


@dataclass(frozen=True)
class Job:
    """One job.

    Attributes:
        hours: how long it runs.
        gpus: GPUs that it occupies meanwhile.
        after: names of jobs that end before it starts.
    """

    hours: float
    gpus: int = 1
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Schedule:
    """When each job starts, and when the last one ends; hours from the beginning."""

    starts: dict[str, float]
    end: float


def list_schedule(jobs: Mapping[str, Job], gpus: int) -> Schedule:
    """Start times of jobs on a number of equal GPUs; ties go by the order of the jobs.

    Raises:
        ValueError: a job needs more GPUs than there are, waits for one that is not there, or jobs
            wait for each other in a circle.
    """
    if unfit := [name for name, job in jobs.items() if not 1 <= job.gpus <= gpus]:
        raise ValueError(f"{unfit[0]}: needs {jobs[unfit[0]].gpus} of {gpus} GPUs")
    remaining = remaining_hours(jobs)
    place = {name: number for number, name in enumerate(jobs)}
    waiting = {name: len(set(job.after)) for name, job in jobs.items()}
    followers = _followers(jobs)
    ready = [(-remaining[name], place[name], name) for name, left in waiting.items() if not left]
    heapq.heapify(ready)
    running: list[tuple[float, int, str]] = []
    starts: dict[str, float] = {}
    now, free = 0.0, gpus
    while ready or running:
        too_large = []
        while ready and free:
            first = heapq.heappop(ready)
            name = first[2]
            if jobs[name].gpus > free:
                too_large.append(first)
                continue
            starts[name] = now
            free -= jobs[name].gpus
            heapq.heappush(running, (now + jobs[name].hours, place[name], name))
        for job in too_large:
            heapq.heappush(ready, job)
        now = running[0][0]
        while running and running[0][0] <= now:
            ended = heapq.heappop(running)[2]
            free += jobs[ended].gpus
            for name in followers[ended]:
                waiting[name] -= 1
                if not waiting[name]:
                    heapq.heappush(ready, (-remaining[name], place[name], name))
    return Schedule(
        starts, max((starts[name] + job.hours for name, job in jobs.items()), default=0)
    )


def remaining_hours(jobs: Mapping[str, Job]) -> dict[str, float]:
    """Hours from the start of each job to the end of the longest path of jobs that begins with it.

    Raises:
        ValueError: a job waits for one that is not there, or jobs wait for each other in a circle.
    """
    followers = _followers(jobs)
    hours: dict[str, float] = {}
    try:
        for name in TopologicalSorter(followers).static_order():
            after = max((hours[other] for other in followers[name]), default=0.0)
            hours[name] = jobs[name].hours + after
    except CycleError as error:
        raise ValueError(f"jobs wait for each other: {', '.join(error.args[1])}") from error
    return hours


def critical_path(jobs: Mapping[str, Job]) -> list[str]:
    """Names of the jobs on the longest path, which no number of GPUs makes shorter.

    Jobs that take no time are left out at its end.

    Raises:
        ValueError: as `remaining_hours`.
    """
    remaining, followers = remaining_hours(jobs), _followers(jobs)
    path: list[str] = []
    candidates: Sequence[str] = list(jobs)
    while candidates:
        longest = max(candidates, key=lambda name: remaining[name])
        if not remaining[longest]:
            break
        path.append(longest)
        candidates = followers[longest]
    return path


def work(jobs: Mapping[str, Job]) -> float:
    """GPU hours of all jobs together."""
    return sum(job.hours * job.gpus for job in jobs.values())


def _followers(jobs: Mapping[str, Job]) -> dict[str, list[str]]:
    followers: dict[str, list[str]] = {name: [] for name in jobs}
    for name, job in jobs.items():
        for other in dict.fromkeys(job.after):
            if other not in jobs:
                raise ValueError(f"{name}: waits for {other}, which is no job")
            followers[other].append(name)
    return followers
