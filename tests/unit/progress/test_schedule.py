"""List scheduling: precedence, capacity and bounds on random plans, optimum on tiny ones."""

from __future__ import annotations

from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eager.progress.schedule import (
    Job,
    Schedule,
    critical_path,
    list_schedule,
    remaining_hours,
    work,
)


@st.composite
def plans(draw: st.DrawFn, most: int = 25, widest: int = 3) -> dict[str, Job]:
    """Jobs of whole hours that wait for some of those before them, in any order."""
    jobs: dict[str, Job] = {}
    for number in range(draw(st.integers(0, most))):
        after = draw(st.lists(st.sampled_from(sorted(jobs)), max_size=3)) if jobs else []
        jobs[f"j{number}"] = Job(
            float(draw(st.integers(0, 9))), draw(st.integers(1, widest)), tuple(after)
        )
    return dict(draw(st.permutations(list(jobs.items()))))


def ends(jobs: dict[str, Job], schedule: Schedule) -> dict[str, float]:
    return {name: start + jobs[name].hours for name, start in schedule.starts.items()}


@given(plans(), st.integers(3, 6))
def test_no_job_is_early_and_no_gpu_is_used_twice(jobs: dict[str, Job], gpus: int) -> None:
    schedule = list_schedule(jobs, gpus)
    end = ends(jobs, schedule)
    assert set(schedule.starts) == set(jobs)
    for name, job in jobs.items():
        assert all(end[other] <= schedule.starts[name] for other in job.after)
    for moment in schedule.starts.values():
        used = [j.gpus for n, j in jobs.items() if schedule.starts[n] <= moment < end[n]]
        assert sum(used) <= gpus
    assert schedule.end == max(end.values(), default=0)


@given(plans(), st.integers(3, 6))
def test_a_job_starts_as_soon_as_it_can(jobs: dict[str, Job], gpus: int) -> None:
    schedule = list_schedule(jobs, gpus)
    end = ends(jobs, schedule)
    for name, job in jobs.items():
        start = schedule.starts[name]
        ready = max((end[other] for other in job.after), default=0)
        # Between being ready and starting there is no moment with enough GPUs.
        for moment in [m for m in {ready, *end.values()} if ready <= m < start]:
            used = [j.gpus for n, j in jobs.items() if schedule.starts[n] <= moment < end[n]]
            assert sum(used) + job.gpus > gpus


@given(plans(), st.integers(3, 6))
def test_the_end_is_not_before_the_work_or_the_critical_path(
    jobs: dict[str, Job], gpus: int
) -> None:
    path = critical_path(jobs)
    length = sum(jobs[name].hours for name in path)
    assert all(first in jobs[second].after for first, second in pairwise(path))
    assert length == max(remaining_hours(jobs).values(), default=0)
    assert list_schedule(jobs, gpus).end >= max(work(jobs) / gpus, length)


@given(plans(widest=1), st.integers(1, 6))
def test_jobs_of_one_gpu_end_within_grahams_bound(jobs: dict[str, Job], gpus: int) -> None:
    length = max(remaining_hours(jobs).values(), default=0)
    end = list_schedule(jobs, gpus).end
    assert end <= (work(jobs) - length) / gpus + length + 1e-9
    assert end <= (2 - 1 / gpus) * max(work(jobs) / gpus, length) + 1e-9


def optimum(jobs: dict[str, Job], gpus: int) -> float:
    """The least possible end: every order, each job as soon as enough GPUs are free."""
    best = float("inf")
    for order in permutations(jobs):
        end: dict[str, float] = {}
        used = [0] * 64
        for name in order:
            job = jobs[name]
            if not set(job.after) <= set(end):
                break
            start = int(max((end[other] for other in job.after), default=0))
            hours = range(int(job.hours))
            while any(used[start + hour] + job.gpus > gpus for hour in hours):
                start += 1
            for hour in hours:
                used[start + hour] += job.gpus
            end[name] = start + job.hours
        else:
            best = min(best, max(end.values(), default=0))
    return best


@given(plans(most=5, widest=2), st.integers(2, 3))
def test_tiny_plans_are_never_better_than_the_optimum(jobs: dict[str, Job], gpus: int) -> None:
    least, end = optimum(jobs, gpus), list_schedule(jobs, gpus).end
    assert least <= end
    if all(job.gpus == 1 for job in jobs.values()):
        assert end <= (2 - 1 / gpus) * least


def test_the_longest_path_goes_first() -> None:
    # In order of the jobs, `long` would start at 2 and end at 6.
    jobs = {"a": Job(2), "b": Job(2), "long": Job(4), "after": Job(1, after=("long",))}
    schedule = list_schedule(jobs, 2)
    assert schedule.starts == {"long": 0, "a": 0, "b": 2, "after": 4}
    assert schedule.end == 5
    assert critical_path(jobs) == ["long", "after"]
    later = {"a": Job(1), "b": Job(1, after=("a",)), "c": Job(3, after=("a",))}
    assert list_schedule(later, 1).starts == {"a": 0, "c": 1, "b": 4}


@pytest.mark.parametrize(
    "jobs",
    [
        {"a": Job(1, gpus=3)},
        {"a": Job(1, after=("b",))},
        {"a": Job(1, after=("b",)), "b": Job(1, after=("a",))},
    ],
)
def test_impossible_plans_are_refused(jobs: dict[str, Job]) -> None:
    with pytest.raises(ValueError, match=r"a: needs|a: waits|wait for each other"):
        list_schedule(jobs, 2)
