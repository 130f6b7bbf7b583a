"""The arithmetic of `eager estimate`, on cases worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from eager.config.schema import Experiment, ModelEntry
from eager.config.settings import Method
from eager.progress.estimate import Cost, Speed, estimate, longest_chain, speeds_of
from eager.progress.estimate_text import as_json, as_text
from eager.progress.history import read_former_runs
from eager.report.tables.published import PublishedFigures
from eager.util.errors import EagerError
from tests.support.estimates import CELL, cell, experiment, published, write_run

SPEED = Speed(tokens_per_second=100, load_seconds=180, source="m: given")
SPEEDS = dict.fromkeys("mn", SPEED)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def costs_of(
    plan: Experiment,
    *facts: PublishedFigures,
    prompts: int | None = 30,
    speeds: Mapping[str, Speed] = SPEEDS,
) -> list[Cost]:
    runs, _ = read_former_runs()
    return estimate(plan, runs, facts, dict.fromkeys("de", prompts), speeds)


def basis_and_tokens(costs: list[Cost]) -> list[tuple[str, float | None]]:
    return [(cost.basis, cost.tokens) for cost in costs]


def test_samples_of_several_m_are_generated_once() -> None:
    cells = (cell(max_sequences=6), cell(max_sequences=8), CELL)
    plan = experiment(*cells, methods=("parallel",))
    # 800 tokens of each of 30 prompts at M = 8.
    (cost,) = costs_of(plan, published("parallel", 800.0, max_sequences=8))
    assert (cost.cell["max_sequences"], cost.tokens, cost.basis) == (8, 24_000, "published")
    assert cost.gpu_hours == pytest.approx((24_000 / 100 + 180) / 3600)
    assert cost.disk_gigabytes == pytest.approx(24_000 * 12 / 1e9)


@pytest.mark.parametrize(
    "change", [{"seed": 2}, {"temperature": 1.0}, {"model": "n"}, {"dataset": "e"}]
)
def test_other_seeds_and_temperatures_share_no_samples(change: dict[str, Any]) -> None:
    plan = experiment(CELL, cell(max_sequences=8, **change), methods=("parallel",))
    assert [cost.cell["max_sequences"] for cost in costs_of(plan)] == [4, 8]


def test_measured_comes_before_published_and_parallel_grows_with_m() -> None:
    plan = experiment(CELL, methods=("parallel", "eager_init", "eager"))
    write_run("eager_init", seed=2)
    write_run("parallel", max_sequences=2)
    facts = [published("eager", 9.0, max_sequences=8)]
    facts += [published(method, 7.0) for method in ("parallel", "eager_init", "eager")]
    # 5 prompts of 2 samples made 1000 tokens: 100 per sample, 400 per prompt at M = 4.
    assert basis_and_tokens(costs_of(plan, *facts)) == [
        ("measured at another M", 12_000),
        ("measured", 6000),
        ("published", 210),
    ]
    # Neither another theta nor another rule is a measurement of this one.
    other = experiment(cell(entropy_threshold=1.0), methods=("eager_init",))
    assert basis_and_tokens(costs_of(other)) == [("unknown", None)]
    authors = experiment(cell(rule="authors"), methods=("eager_init",))
    assert basis_and_tokens(costs_of(authors)) == [("unknown", None)]


def test_what_is_there_is_counted_as_it_was() -> None:
    write_run("eager_init")
    two = {"engine_options": {"tensor_parallel_size": 2}, "counts": {"tokens": 999}}
    write_run("eager_init", "e", two | {"counts": {"tokens": 999, "engine_seconds": 10.0}})
    [cost] = costs_of(experiment(CELL, methods=("eager_init",)))
    assert (cost.basis, cost.tokens, cost.prompts) == ("done", 999, 5)
    assert cost.gpu_hours == pytest.approx(2 * 40 / 3600)


def test_a_larger_m_pays_for_the_samples_that_are_missing() -> None:
    write_run("parallel", "e")
    plan = experiment(CELL, cell(max_sequences=8), methods=("parallel",))
    # 5 prompts of 4 samples made 1000 tokens, and M = 8 needs as many again.
    assert basis_and_tokens(costs_of(plan, prompts=5)) == [("measured at another M", 1000)]


@pytest.mark.parametrize(
    ("facts", "dataset"),
    [({"code_fingerprint": "0"}, {}), ({}, {"max_tokens": 1000})],
)
def test_what_status_calls_outdated_is_to_be_paid_again(
    facts: dict[str, Any], dataset: dict[str, Any]
) -> None:
    write_run("parallel", "e", facts)
    plan = experiment(CELL, methods=("parallel",), **dataset)
    assert basis_and_tokens(costs_of(plan, prompts=5)) == [("measured", 1000)]


def test_an_eager_init_that_is_not_shown_is_paid_too() -> None:
    costs = costs_of(experiment(CELL, methods=("parallel", "eager")))
    assert sorted(cost.method for cost in costs) == ["eager", "eager_init", "parallel"]
    by_method = {cost.method: cost for cost in costs}
    assert by_method["eager"].initial == by_method["eager_init"].folder


@pytest.mark.parametrize(("prompts", "jobs"), [(5, 5), (8, 8), (30, 8), (0, 0)])
def test_every_shard_with_a_prompt_is_a_job_that_loads_the_model(prompts: int, jobs: int) -> None:
    plan = experiment(CELL, methods=("parallel",), shards=8)
    [cost] = costs_of(plan, published("parallel", 100.0), prompts=prompts)
    assert cost.jobs == jobs
    assert cost.gpu_hours == pytest.approx((prompts + jobs * 180) / 3600)


def test_all_gpus_of_a_job_wait_for_the_load() -> None:
    plan = experiment(CELL, methods=("parallel",))
    plan.models["m"] = ModelEntry(path="model", tensor_parallel_size=2)
    [cost] = costs_of(plan, published("parallel", 100.0))
    assert (cost.gpus, cost.jobs) == (2, 1)
    assert cost.gpu_hours == pytest.approx((3000 / 100 + 2 * 180) / 3600)


def test_speed_is_of_one_gpu_given_or_measured_and_never_guessed() -> None:
    write_run("parallel")
    two = {"engine_options": {"tensor_parallel_size": 2}, "shards": [{"load_seconds": None}]}
    write_run("eager_init", facts=two | {"counts": {"tokens": 2000, "engine_seconds": 10.0}})
    runs, _ = read_former_runs()
    measured = speeds_of(["m"], runs, {}, None)["m"]
    # 3000 tokens in 10 s on one GPU and 10 s on two; one of the runs loaded the model.
    assert (measured.tokens_per_second, measured.load_seconds) == (100, 30)
    assert "measured on a GPU" in measured.source
    given = speeds_of(["m", "n"], runs, {"m": 7.0, "": 5.0}, 60)
    assert [given[name].tokens_per_second for name in "mn"] == [7, 5]
    assert given["m"].load_seconds == 60
    unknown = speeds_of(["n"], runs, {}, None)["n"]
    assert (unknown.tokens_per_second, unknown.load_seconds) == (None, None)
    assert "no speed known" in unknown.source


SLOW = dict.fromkeys("mn", Speed(10, 0, "m: given"))
"""30 prompts: parallel 12,000 tokens, 20 minutes at this speed; no load."""
FACTS: dict[Method, float] = {"parallel": 400.0, "eager_init": 200.0, "eager": 300.0}


def planned(**dataset: Any) -> list[Cost]:
    plan = experiment(CELL, methods=tuple(FACTS), **dataset)
    facts = [published(method, tokens) for method, tokens in FACTS.items()]
    return costs_of(plan, *facts, speeds=SLOW)


def test_the_longest_chain_is_a_budgeted_method_behind_its_eager_init() -> None:
    # Minutes: parallel 20; eager_init 10 and then eager 15.
    chain = longest_chain(planned())
    assert [cost.method for cost in chain] == ["eager_init", "eager"]
    assert sum(cost.hours for cost in chain) == pytest.approx(25 / 60)
    # Five jobs at once.
    assert sum(cost.hours for cost in longest_chain(planned(shards=5))) == pytest.approx(5 / 60)
    # What is done is waited for no longer.
    write_run("eager_init", "e")
    assert [cost.method for cost in longest_chain(planned())] == ["parallel"]


def test_a_price_adds_the_cost_and_gpus_the_least_time() -> None:
    costs = planned()
    found = as_json(costs, SLOW, 2.5, 2)
    assert found["total"]["cost"] == pytest.approx(2.5 * 45 / 60)
    assert sum(row["cost"] for row in found["results"]) == pytest.approx(2.5 * 45 / 60)
    time = found["time"]
    assert (time["hours_by_work"], time["hours_by_chain"]) == pytest.approx((45 / 120, 25 / 60))
    assert time["hours_at_least"] == time["hours_by_chain"]
    text = as_text(costs, SLOW, 2.5, 2)
    assert "cost 1.88" in text
    assert "on 2 GPUs: at least 0.42 hours" in text
    assert json.loads(json.dumps(found)) == found
    plain = as_json(costs, SLOW, None, None)
    assert "time" not in plain
    assert "cost" not in plain["total"]


def test_a_job_that_needs_more_gpus_than_there_are_is_told() -> None:
    plan = experiment(CELL)
    plan.models["m"] = ModelEntry(path="model", tensor_parallel_size=2)
    costs = costs_of(plan)
    with pytest.raises(EagerError, match="--gpus 1: a job of m needs 2"):
        as_json(costs, SPEEDS, None, 1)


def test_what_is_unknown_is_in_no_sum_and_named() -> None:
    plan = experiment(CELL, cell(model="n"), methods=("parallel",))
    costs = costs_of(plan, published("parallel", 100.0))
    text, found = as_text(costs, SPEEDS, None, None), as_json(costs, SPEEDS, None, None)
    assert (found["total"]["results"], found["total"]["results_known"]) == (2, 1)
    assert found["total"]["tokens"] == 3000
    assert "million tokens >0.00" in text
    assert "1 results unknown" in text
    assert "n d M 4" in text.splitlines()[-4]
    nothing = as_json(costs_of(plan), SPEEDS, None, None)
    assert nothing["total"]["tokens"] is None
    # Counts without the number of prompts say as little.
    unnumbered = costs_of(plan, published("parallel", 100.0), prompts=None)
    assert as_json(unnumbered, SPEEDS, None, None)["total"]["gpu_hours"] is None


def test_of_a_finished_plan_nothing_is_left() -> None:
    write_run("parallel", "e")
    costs = costs_of(experiment(CELL, methods=("parallel",)), prompts=5)
    done = as_json(costs, SPEEDS, None, 2)
    assert done["still_to_run"]["gpu_hours"] == 0
    assert done["used"] == done["total"]
    assert done["used"]["gpu_hours"] > 0
    assert (done["time"]["hours_at_least"], done["time"]["chain"]) == (0, [])
    assert "on 2 GPUs: at least 0.00 hours" in as_text(costs, SPEEDS, None, 2)
