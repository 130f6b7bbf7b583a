"""The arithmetic of `eager estimate`, on cases worked out by hand."""

from __future__ import annotations

import pytest

from eager.config.paths import result_folder
from eager.config.schema import Cell, DatasetEntry, Experiment, ExperimentConfig, ModelEntry
from eager.config.settings import Method
from eager.monitor.estimate import Speed, as_json, as_text, estimate, gpu_hours, speeds_of
from eager.monitor.history import FormerRun
from eager.report.tables.published import PublishedFigures

CELL = Cell(model="m", dataset="d", temperature=0.6, max_sequences=4, entropy_threshold=2.0, seed=1)
BOTH: tuple[Method, ...] = ("parallel", "eager_init")
SPEED = Speed(tokens_per_second=100, load_seconds=180, source="m: given")


def experiment(
    *cells: Cell, methods: tuple[Method, ...] = ("parallel", "eager_init")
) -> Experiment:
    return Experiment(
        ExperimentConfig(experiment="e", cells="cells.tsv", methods=methods),
        {"m": ModelEntry(path="model")},
        {"d": DatasetEntry(kind="math", path="d.jsonl")},
        cells,
    )


def run(
    method: Method, cap: int = 4, seed: int = 2, theta: float = 2.0, **facts: float
) -> FormerRun:
    """Five prompts of 200 tokens each in 10 seconds."""
    cell = CELL.model_copy(update={"max_sequences": cap, "seed": 2, "entropy_threshold": theta})
    threshold = None if method == "parallel" else theta
    given = {"prompts": 5, "tokens": 1000, "seconds": 10.0, "loads": (30.0,), "bytes": 5000}
    return FormerRun(
        folder=result_folder("earlier", cell, method),
        key=("m", "d", method, cap, threshold, 0.6),
        hardware="a GPU",
        **(given | facts),
    )


def published(method: Method, tokens: float) -> PublishedFigures:
    return PublishedFigures(
        model="m",
        dataset="d",
        method=method,
        max_sequences=4,
        pass_at_k=None,
        tokens_per_prompt=tokens,
        source="a figure",
    )


def test_hours_are_generation_plus_a_load_in_every_job() -> None:
    # 720,000 tokens at 100 a second: 2 hours; 4 jobs of 180 s to load: 0.2 hours.
    assert gpu_hours(720_000, SPEED, jobs=4) == pytest.approx(2.2)
    assert gpu_hours(720_000, Speed(100, None, ""), jobs=4) == pytest.approx(2.0)
    assert gpu_hours(720_000, Speed(None, 180, ""), jobs=4) is None


def test_measured_comes_before_published_and_parallel_scales_with_m() -> None:
    runs = [run("eager_init"), run("parallel", cap=2)]
    facts = [published("eager_init", 7.0), published("parallel", 7.0)]
    parallel, branching = estimate(experiment(CELL), runs, facts, {"d": 30}, {"m": SPEED})
    # 5 prompts x 2 samples made 1000 tokens: 100 a sample, 400 a prompt at M = 4.
    assert (parallel.tokens, parallel.basis) == (12_000, "measured at another M")
    assert parallel.disk_gigabytes == pytest.approx(12_000 * 12 / 1e9)
    # 200 tokens and 1000 bytes per prompt.
    assert (branching.tokens, branching.basis) == (6_000, "measured")
    assert branching.disk_gigabytes == pytest.approx(30_000 / 1e9)
    assert branching.gpu_hours == pytest.approx((6_000 / 100 + 180) / 3600)


def test_other_thresholds_and_caps_say_nothing_about_branching() -> None:
    runs = [run("eager_init", theta=1.0), run("eager_init", cap=8)]
    cost = estimate(
        experiment(CELL, methods=("eager_init",)),
        runs,
        [published("eager_init", 50.0)],
        {"d": 30},
        {"m": SPEED},
    )
    assert [(c.tokens, c.basis) for c in cost] == [(1500, "published")]


def test_what_is_not_known_stays_unknown_and_is_left_out_of_the_sums() -> None:
    facts = [published("parallel", 100.0)]
    costs = estimate(experiment(CELL), [], facts, {"d": 30}, {"m": SPEED})
    assert [cost.tokens for cost in costs] == [3000, None]
    total = as_json(costs, {"m": SPEED})["total"]
    assert (total["results"], total["results_known"], total["tokens"]) == (2, 1, 3000)
    text = as_text(costs, {"m": SPEED})
    assert "1 of 2 results not counted" in text
    assert "words" in text
    without_rows = estimate(experiment(CELL), [], facts, {"d": None}, {"m": SPEED})
    assert [cost.tokens for cost in without_rows] == [None, None]


def test_what_is_there_is_counted_as_it_was_and_not_to_be_paid_again() -> None:
    own = run("eager_init", tokens=999)
    plan = experiment(CELL, methods=("eager_init",))
    other = FormerRun(**(vars(own) | {"folder": result_folder("e", CELL, "eager_init")}))
    costs = estimate(plan, [run("eager_init"), other], [], {"d": 5}, {"m": SPEED})
    assert [(cost.basis, cost.tokens) for cost in costs] == [("done", 999)]
    found = as_json(costs, {"m": SPEED})
    assert (found["total"]["results"], found["still_to_run"]["results"]) == (1, 0)


def test_cells_that_differ_in_theta_pay_for_parallel_once() -> None:
    other = CELL.model_copy(update={"entropy_threshold": 1.0})
    costs = estimate(experiment(CELL, other), [], [], {"d": 30}, {"m": SPEED})
    assert [(cost.method, cost.cell["entropy_threshold"]) for cost in costs] == [
        ("parallel", 2.0),
        ("eager_init", 2.0),
        ("eager_init", 1.0),
    ]


def test_every_shard_is_a_job_that_loads_the_model() -> None:
    plan = experiment(CELL, methods=("parallel",))
    plan.datasets["d"] = DatasetEntry(kind="math", path="d.jsonl", shards=8)
    [cost] = estimate(plan, [], [published("parallel", 100.0)], {"d": 30}, {"m": SPEED})
    assert cost.jobs == 8
    assert cost.gpu_hours == pytest.approx((3000 / 100 + 8 * 180) / 3600)


def test_speed_is_given_or_measured_and_never_guessed() -> None:
    runs = [run("parallel"), run("eager_init", tokens=2000, loads=())]
    measured = speeds_of(["m"], runs, {}, None)["m"]
    # 3000 tokens in 20 s; one of the two runs loaded the model.
    assert (measured.tokens_per_second, measured.load_seconds) == (150, 30)
    assert "measured on a GPU" in measured.source
    assert speeds_of(["m"], runs, {"m": 7.0, "": 5.0}, 60)["m"].tokens_per_second == 7
    assert speeds_of(["m"], runs, {"": 5.0}, 60)["m"].load_seconds == 60
    unknown = speeds_of(["m"], [], {}, None)["m"]
    assert (unknown.tokens_per_second, unknown.load_seconds) == (None, None)
    assert "--tokens-per-second" in unknown.source
