"""What `eager estimate` prints: every figure of the totals, apart what is guessed."""

from __future__ import annotations

import json

import pytest

from eager.progress.estimate import estimate
from eager.progress.estimate_text import Estimate, as_json, as_text
from eager.progress.speeds import Speed
from eager.progress.timeline import timeline
from tests.support.estimates import SPEED, cell, experiment, published, run

FACTS = [published("parallel", 400.0, max_sequences=4), published("eager_init", 300.0)]
CELLS = [
    cell(rule="authors"),
    cell(rule="authors", max_sequences=8),
    cell(rule="authors", model="n"),
]


def told(price: float | None = None, gpus: int | None = None, speed: Speed = SPEED) -> Estimate:
    plan = experiment(*CELLS, methods=("parallel", "eager_init"))
    speeds = {"m": speed, "n": speed}
    costs = estimate(plan, [], FACTS, {"d": 30}, speeds)
    return Estimate(costs, speeds, 256, 2048, price, timeline(costs, gpus) if gpus else None)


def test_totals_keep_known_and_guessed_apart() -> None:
    text, found = as_text(told()), as_json(told())
    # Known: 9,000. Guessed: M = 8 24,000 + 18,000; model n 12,000 + 9,000.
    assert found["total"]["tokens"] == 72_000
    assert found["total"]["tokens_guessed"] == 63_000
    assert "million tokens 0.07 (of which guessed 0.06)" in text
    assert (found["total"]["results_known"], found["total"]["results_guessed"]) == (1, 4)
    assert ">" not in text.partition("in total")[0]
    assert (
        "from the same model and data set, M 4 scaled in proportion to M, published: m d M 8"
        in text
    )
    assert "from m on the same data set, published: n d M 4" in text
    assert "n d M 4 (" not in text
    first = experiment(cell(), methods=("parallel", "eager_init"))
    costs = estimate(first, [], FACTS[:1], {"d": 30}, {"m": SPEED})
    assert "m d M 4 (eager_init)" in as_text(Estimate(costs, {"m": SPEED}, 256, 2048))
    assert "cost" not in found["total"]
    assert "time" not in found
    assert json.loads(json.dumps(found)) == found


def test_the_naive_plan_is_told_with_what_is_saved() -> None:
    naive = as_json(told())["naive"]
    assert (naive["tokens"], naive["tokens_saved"]) == (84_000, 12_000)
    assert naive["tokens_saved_share"] == pytest.approx(1 / 7)
    assert naive["of_known"]["tokens_saved_share"] == 0
    line = next(line for line in as_text(told()).splitlines() if line.startswith("run naively"))
    assert "0.08 million tokens, here 0.07: 0.01 saved (14.3%; 0.0% of what is not guessed)" in line


def test_a_price_adds_the_cost_and_gpus_the_time() -> None:
    found = as_json(told(price=2.5, gpus=2))
    hours = found["total"]["gpu_hours"]
    assert found["total"]["cost"] == pytest.approx(2.5 * hours)
    assert sum(row["cost"] for row in found["results"]) == pytest.approx(2.5 * hours)
    assert found["time"]["hours"] >= hours / 2
    assert "on 1 GPU: " in as_text(told(gpus=1))
    text = as_text(told(price=2.5, gpus=2))
    assert f"cost {2.5 * hours:.2f}" in text
    assert f"on 2 GPUs: {found['time']['hours']:.2f} hours to the end" in text
    assert "critical path: m d parallel M 8 0.12 h\n" in text
    assert any(line.startswith("time to the end") for line in found["assumptions"])


def test_unknown_speeds_and_counts_are_unknown_not_zero() -> None:
    none = Speed(None, None, "m: no speed known")
    found = as_json(told(price=2.5, speed=none))
    assert (found["total"]["gpu_hours"], found["total"]["cost"]) == (None, None)
    assert found["naive"]["gpu_hours"] is None
    assert "GPU hours unknown, cost unknown" in as_text(told(price=2.5, speed=none))
    costs = estimate(experiment(*CELLS), [], FACTS, {"d": None}, {"m": SPEED, "n": SPEED})
    assert "11 of 11 results not counted" in as_text(
        Estimate(costs, {"m": SPEED, "n": SPEED}, 256, 2048)
    )


def test_assumptions_say_what_an_interruption_costs_and_which_rule_was_published() -> None:
    lines = told().assumptions
    # The largest job has 24,000 tokens at 100 tokens/s, and a load of 180 s: 7 minutes.
    [lost] = [line for line in lines if "interruption" in line]
    assert "2,048 steps of each prompt under way, here up to 0.02 million tokens" in lost
    assert lost.endswith("0.12 GPU hours")
    few = Estimate(told().costs, told().speeds, 2, 2048).assumptions
    assert any("up to 0.00 million tokens" in line for line in few)
    assert any("several M" in line for line in lines)
    assert any("authors' rule" in line for line in lines)
    plan = experiment(cell(), cell(seed=2), methods=("parallel", "eager_init"))
    runs = [run("parallel", max_sequences=2), run("eager_init")]
    costs = estimate(plan, runs, [], {"d": 30}, {"m": SPEED})
    lines = Estimate(costs, {"m": SPEED}, 256, 2048).assumptions
    assert "tokens of Full Parallel grow in proportion to M" in lines
    assert not any("published" in line or "several M" in line for line in lines)


def test_of_a_finished_plan_nothing_is_left() -> None:
    plan = experiment(cell(), methods=("parallel",))
    costs = estimate(plan, [run("parallel", "e")], [], {"d": 5}, {"m": SPEED})
    done = Estimate(costs, {"m": SPEED}, 256, 2048, timeline=timeline(costs, 2))
    assert as_json(done)["still_to_run"]["gpu_hours"] == 0
    text = as_text(done)
    assert "still to run: GPU jobs 0, loads 0, million tokens 0.00, GPU hours 0.00" in text
    assert "on 2 GPUs: 0.00 hours" in text
    assert "critical path:" not in text
    assert "run naively: the same, nothing is shared" in text
    assert not any("interruption" in line for line in done.assumptions)
