"""The arithmetic of `eager estimate`, on cases worked out by hand, and on the paper's plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from eager.config.load import load_experiment, read_yaml
from eager.config.schema import Experiment, ModelEntry
from eager.config.settings import Method
from eager.progress.estimate import Cost, estimate
from eager.progress.history import FormerRun
from eager.progress.speeds import Speed, gpu_hours, speeds_of
from eager.progress.totals import hours_saved, tokens_saved, total, without_guesses
from eager.report.tables.published import PublishedFigures, read_published
from tests.support.estimates import CELL, SPEED, cell, experiment, published, run
from tests.support.repository import ROOT


def costs_of(
    plan: Experiment,
    runs: list[FormerRun] | None = None,
    facts: list[PublishedFigures] | None = None,
    prompts: int | None = 30,
    speed: Speed = SPEED,
) -> list[Cost]:
    return estimate(
        plan, runs or [], facts or [], dict.fromkeys("de", prompts), dict.fromkeys("mn", speed)
    )


def test_hours_are_generation_plus_a_load_in_every_job() -> None:
    # 720,000 tokens at 100 per second: 2 hours; 4 jobs of 180 s to load: 0.2 hours.
    assert gpu_hours(720_000, SPEED, loads=4) == pytest.approx(2.2)
    assert gpu_hours(720_000, SPEED, loads=4, gpus=2) == pytest.approx(2.4)
    assert gpu_hours(720_000, Speed(100, None, ""), loads=4) == pytest.approx(2.0)
    assert gpu_hours(720_000, Speed(None, 180, ""), loads=4) is None
    assert gpu_hours(None, SPEED, loads=4) is None


def test_the_samples_of_a_smaller_m_are_paid_with_those_of_the_largest() -> None:
    plan = experiment(cell(max_sequences=6), cell(max_sequences=8), CELL, methods=("parallel",))
    [cost] = costs_of(plan, facts=[published("parallel", 400.0)])
    # 100 tokens per sample, 30 prompts, 8 samples.
    assert (cost.cell["max_sequences"], cost.caps, cost.loads) == (8, (8, 6, 4), 1)
    assert (cost.tokens, cost.tokens_naive) == (24_000, 54_000)
    assert cost.disk_gigabytes == pytest.approx(2.88e-4)
    saved, hours = tokens_saved([cost]), hours_saved([cost])
    assert saved.share == pytest.approx(5 / 9)
    # And two loads of 180 s.
    assert hours is not None
    assert hours.saved == pytest.approx((30_000 / 100 + 2 * 180) / 3600)


@pytest.mark.parametrize(
    "change", [{"seed": 2}, {"temperature": 1.0}, {"model": "n"}, {"dataset": "e"}]
)
def test_other_seeds_and_temperatures_share_no_samples(change: dict[str, Any]) -> None:
    plan = experiment(CELL, cell(max_sequences=8, **change), methods=("parallel",))
    assert [cost.caps for cost in costs_of(plan)] == [(4,), (8,)]


def test_a_larger_m_pays_for_the_samples_that_are_not_there() -> None:
    own = run("parallel", "e")
    [more] = costs_of(experiment(cell(max_sequences=8), methods=("parallel",)), [own], prompts=5)
    assert (more.basis, more.tokens, more.tokens_naive) == ("measured at another M", 1000, 2000)
    fewer = experiment(cell(max_sequences=2), methods=("parallel",))
    [there] = costs_of(fewer, [own], prompts=5)
    assert (there.basis, there.tokens) == ("done", 1000)


@pytest.mark.parametrize("method", ["parallel", "eager_init"])
def test_a_load_that_no_job_has_counted_is_not_saved(method: Method) -> None:
    # Its last job found everything finished; those that were interrupted had loaded the model.
    [cost] = costs_of(experiment(CELL, methods=(method,)), [run(method, "e", {"loads": ()})])
    assert (cost.loads, cost.tokens) == (0, cost.tokens_naive)
    assert cost.gpu_hours == cost.gpu_hours_naive == pytest.approx(10 / 3600)


def test_eager_init_is_paid_once_and_naively_by_each_that_builds_on_it() -> None:
    costs = costs_of(experiment(CELL), [run(m) for m in ("eager_init", "eager_adapt", "eager")])
    tokens = {c.method: (c.tokens, c.tokens_naive) for c in costs}
    assert tokens == {
        "parallel": (6000, 6000),
        "eager_init": (6000, 6000),
        "eager_adapt": (6000, 12_000),
        "eager": (6000, 12_000),
    }
    eager = costs[-1]
    assert eager.gpu_hours_naive == pytest.approx(eager.gpu_hours + 6000 / 100 / 3600)
    # Of the authors' counts nobody knows whether an EAGer-init is in them.
    mixed = costs_of(experiment(CELL), [run("eager_init")], [published("eager", 70.0)])
    assert (mixed[-1].tokens, mixed[-1].tokens_naive) == (2100, 2100)
    other = costs_of(experiment(CELL), [run("eager")], [published("eager_init", 70.0)])
    assert (other[-1].tokens, other[-1].tokens_naive) == (6000, 6000)


def test_an_eager_init_that_is_not_shown_is_paid_too() -> None:
    costs = costs_of(experiment(CELL, methods=("parallel", "eager")), [run("eager_init")])
    assert [cost.method for cost in costs] == ["eager_init", "parallel", "eager"]
    assert costs[2].initial == costs[0].folder


def test_what_is_there_is_counted_as_it_was_and_not_to_be_paid_again() -> None:
    own = run("eager_init", "e", {"tokens": 999, "gpus": 2})
    plan = experiment(CELL, methods=("eager_init",))
    [cost] = costs_of(plan, [run("eager_init"), own])
    assert (cost.basis, cost.tokens, cost.tokens_naive, cost.prompts) == ("done", 999, 999, 5)
    assert cost.gpu_hours == cost.gpu_hours_naive == pytest.approx(2 * 40 / 3600)


@pytest.mark.parametrize(
    ("facts", "dataset"),
    [({"code": "0"}, {}), ({"parameters": {}}, {}), ({}, {"max_tokens": 1000})],
)
def test_what_status_calls_outdated_is_to_be_paid_again(
    facts: dict[str, Any], dataset: dict[str, Any]
) -> None:
    plan = experiment(CELL, cell(max_sequences=8), methods=("parallel",), **dataset)
    costs = costs_of(plan, [run("parallel", "e", facts)], prompts=5)
    # M = 4 has nothing that M = 8 could take.
    assert [(c.basis, c.tokens) for c in costs] == [("measured at another M", 2000)]


def test_cells_that_differ_in_theta_pay_for_parallel_once() -> None:
    plan = experiment(CELL, cell(entropy_threshold=1.0), methods=("parallel", "eager_init"))
    assert [(cost.method, cost.cell["entropy_threshold"]) for cost in costs_of(plan)] == [
        ("parallel", 2.0),
        ("eager_init", 2.0),
        ("eager_init", 1.0),
    ]


def test_every_shard_is_a_job_that_loads_the_model() -> None:
    plan = experiment(CELL, methods=("parallel",), shards=8)
    [cost] = costs_of(plan, facts=[published("parallel", 100.0)])
    assert (cost.jobs, cost.loads) == (8, 8)
    assert cost.gpu_hours == pytest.approx((3000 / 100 + 8 * 180) / 3600)


@pytest.mark.parametrize(("prompts", "loads"), [(5, 5), (8, 8), (30, 8), (0, 0)])
def test_a_shard_without_a_prompt_loads_no_model(prompts: int, loads: int) -> None:
    plan = experiment(CELL, methods=("parallel",), shards=8)
    [cost] = costs_of(plan, facts=[published("parallel", 100.0)], prompts=prompts)
    assert (cost.jobs, cost.loads) == (8, loads)
    hours = (prompts + loads * 180) / 3600
    assert (cost.gpu_hours, cost.gpu_hours_naive) == pytest.approx((hours, hours))


def test_all_gpus_of_a_job_wait_for_the_load() -> None:
    plan = experiment(CELL, methods=("parallel",))
    plan.models["m"] = ModelEntry(path="model", tensor_parallel_size=2)
    [cost] = costs_of(plan, facts=[published("parallel", 100.0)])
    assert (cost.gpus, cost.loads) == (2, 1)
    assert cost.gpu_hours == pytest.approx((3000 / 100 + 2 * 180) / 3600)


def test_what_is_guessed_and_what_is_unknown_stand_apart_in_the_sums() -> None:
    plan = experiment(CELL, cell(model="n"), cell(dataset="e"), methods=("parallel",))
    facts = [published("parallel", 100.0)]
    costs = costs_of(plan, facts=facts)
    assert [(c.basis, c.tokens) for c in costs] == [
        ("published", 3000),
        ("guess", 3000),
        ("guess", 3000),
    ]
    sums = total(costs)
    assert (sums.known, sums.guessed, sums.tokens.value, sums.tokens.guessed) == (1, 2, 9000, 6000)
    assert sums.tokens.complete
    unknown = total(costs_of(experiment(CELL), facts=[published("eager", 100.0)], prompts=None))
    assert (unknown.known, unknown.guessed, unknown.tokens.value) == (0, 0, None)
    nothing = total(costs_of(plan))
    assert (nothing.results, nothing.known, nothing.guessed) == (3, 0, 0)
    assert not total([costs[0], replace(costs[1], tokens=None)]).tokens.complete


def test_speed_is_of_one_gpu_given_or_measured_and_never_guessed() -> None:
    runs = [
        run("parallel"),
        run("eager_init", facts={"tokens": 2000, "loads": (), "gpus": 2}),
    ]
    measured = speeds_of(["m"], runs, {}, None)["m"]
    # 3000 tokens in 10 s on one GPU and 10 s on two; one of the runs loaded the model.
    assert (measured.tokens_per_second, measured.load_seconds) == (100, 30)
    assert "measured on a GPU" in measured.source
    assert speeds_of(["m"], runs, {"m": 7.0, "": 5.0}, 60)["m"].tokens_per_second == 7
    assert speeds_of(["m"], runs, {"": 5.0}, 60)["m"].load_seconds == 60
    unknown = speeds_of(["m"], [], {}, None)["m"]
    assert (unknown.tokens_per_second, unknown.load_seconds) == (None, None)
    assert "--tokens-per-second" in unknown.source


def test_the_papers_plan_shrinks_by_a_fifth_of_its_known_tokens() -> None:
    path = ROOT / "config/paper.yaml"
    plan = load_experiment(read_yaml(path), str(path))
    facts = read_published(ROOT / "config/published.csv")
    prompts = {name: entry.rows for name, entry in plan.datasets.items()}
    costs = estimate(plan, [], facts, prompts, dict.fromkeys(plan.models, SPEED))
    known = without_guesses(costs)
    assert (len(costs), len(known), total(costs).guessed) == (128, 64, 64)
    assert tokens_saved(known).naive == 794_442_000
    assert tokens_saved(known).share >= 0.2
    # M = 4, 8, 16 and 24 of two models on 30 and 198 prompts are the first samples of M = 32.
    smaller = [
        fact.tokens_per_prompt * prompts[fact.dataset]
        for fact in facts
        if fact.method == "parallel" and fact.max_sequences < 32
    ]
    assert tokens_saved(known).saved == pytest.approx(sum(smaller))
    assert total(costs).loads == 128
