"""The plan's jobs, what each waits for, and the end of the last one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eager.progress.estimate import Cost, estimate
from eager.progress.speeds import Speed
from eager.progress.timeline import jobs_of, timeline
from eager.util.errors import EagerError
from tests.support.estimates import cell, experiment, published, run

FACTS = [published("parallel", 400.0), published("eager_init", 200.0), published("eager", 100.0)]
# 30 prompts: parallel 12,000 tokens, 20 minutes at this speed; no load.
SLOW = Speed(10, 0, "m: given")


def costs(*cells: object, done: bool = False, **dataset: int) -> list[Cost]:
    plan = experiment(*cells, methods=("parallel", "eager_init", "eager"), **dataset)
    runs = [run("eager_init", "e", rule="authors")] if done else []
    return estimate(plan, runs, FACTS, {"d": 30}, {"m": SLOW})


AUTHORS = cell(rule="authors")


def test_budgeted_methods_wait_for_all_shards_of_eager_init() -> None:
    jobs, of_job = jobs_of(costs(AUTHORS, shards=2))
    waits = {of_job[name].method: len(job.after) for name, job in jobs.items()}
    assert (len(jobs), waits) == (6, {"parallel": 0, "eager_init": 0, "eager": 2})
    assert all("/eager_init" in name for job in jobs.values() for name in job.after)
    assert [job.hours for job in jobs.values()] == pytest.approx(
        [1 / 6, 1 / 6, 1 / 12, 1 / 12, 1 / 24, 1 / 24]
    )


def test_shards_without_a_prompt_take_no_time() -> None:
    # 30 prompts in 40 shards: 30 jobs of a prompt each.
    jobs, _ = jobs_of(costs(AUTHORS, shards=40))
    assert len(jobs) == 3 * 30
    assert [job.hours for job in jobs.values()][:30] == pytest.approx([1 / 3 / 30] * 30)
    assert timeline(costs(AUTHORS, shards=40), 90).hours == pytest.approx(1 / 3 / 30)


def test_the_end_and_the_path_worked_out_by_hand() -> None:
    # Minutes: parallel 20; eager_init 10, then eager 5.
    found = timeline(costs(AUTHORS), 2)
    assert found.hours == pytest.approx(20 / 60)
    assert found.hours_of_work == pytest.approx(35 / 60 / 2)
    assert found.hours_of_path == pytest.approx(20 / 60)
    assert timeline(costs(AUTHORS), 1).hours == pytest.approx(35 / 60)
    # The samples of M = 2, 4 and 8 take 40 minutes together.
    more = [cell(rule="authors", max_sequences=m) for m in (8, 2)]
    longer = timeline(costs(AUTHORS, *more), 9)
    assert (longer.path[0].method, longer.path[0].cell["max_sequences"]) == ("parallel", 8)
    assert longer.hours == longer.hours_of_path == pytest.approx(2 / 3)
    # What is done takes no time, and eager waits for nothing.
    done = timeline(costs(AUTHORS, done=True), 9)
    assert ([result.method for result in done.path], done.hours) == (["parallel"], 20 / 60)


def test_jobs_of_several_gpus_and_results_of_unknown_cost() -> None:
    [parallel, *_] = found = costs(AUTHORS)
    two = [replace(cost, gpus=2) for cost in found]
    # The same GPU hours on two GPUs: half the time, one job after the other.
    assert timeline(two, 2).hours == pytest.approx(35 / 60 / 2)
    with pytest.raises(EagerError, match="--gpus 1: a job of m needs 2"):
        timeline(two, 1)
    unknown = timeline([replace(parallel, gpu_hours=None)], 1)
    assert (unknown.hours, unknown.path, unknown.uncounted) == (0, [], 1)
    assert timeline([replace(parallel, basis="done")], 1).uncounted == 0
