"""The comparison with Full Parallel: at equal tokens, as measured, over seeds and data sets."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from eager.config.settings import RivalSettings
from eager.report.tables.comparison import (
    compare_pairs,
    compare_with_baseline,
    secondary_endpoints,
    tokens_of,
    verdict_of,
)
from eager.report.tables.pairing import pool_seeds, with_baseline
from eager.report.tables.rivals_table import derive, pairs_of, rivals_table
from eager.report.tables.summary import parallel_curves
from eager.util.errors import EagerError
from tests.support.results import CELL, metrics, sequences

COUNTS = [{"tokens": 100, "engine_seconds": 10.0}]
DIFFERENCE = "pass_at_k_equal_tokens_difference"


def pair(cell: dict, method: dict, parallel: dict) -> list:
    """Results of a method and of Full Parallel in one cell."""
    return [
        ({**CELL, **cell}, "parallel", metrics("parallel", parallel, COUNTS)),
        ({**CELL, **cell}, "eager", metrics("eager", method, COUNTS)),
    ]


def usual(cell: dict) -> list:
    method = {name: sequences("A", 20, 10) for name in "pq"}
    parallel = {name: sequences("aaba", 10) for name in "pq"}
    return pair(cell, method, parallel)


def compared(results: list) -> list[dict[str, Any]]:
    """Rows of the comparison, with the secondary endpoints of each."""
    rows = with_baseline(pool_seeds(results))
    both = zip(compare_with_baseline(rows), secondary_endpoints(rows), strict=True)
    return [{**first, **second} for first, second in both]


def test_saving_is_told_from_the_unit_and_seeds_are_one_row() -> None:
    [row] = compared(usual({"seed": 1}) + usual({"seed": 2}))
    assert (row["seed"], row["seeds"], row["prompts"], row["method"]) == ("all", 2, 2, "eager")
    assert row["uses_right_answers"]
    assert row["pass_at_k_difference"] == 1
    assert row["tokens_saved"] == pytest.approx(0.5)
    assert row["tokens_upstream_saved"] == pytest.approx(0.75)
    assert row["saved_by_the_unit"] == pytest.approx(0.25)
    assert row["equal_tokens_samples"] == pytest.approx(2)
    assert (row["pass_at_k_at_equal_tokens"], row[DIFFERENCE]) == (0, 1)
    # Two of four samples: the same answer in half of the pairs.
    assert row["distinct_answers_equal_tokens_difference"] == pytest.approx(1 - 1.5)
    assert compared(usual({}))[0]["cons_at_max_p_value"] == 0.5  # two discordant prompts


def test_full_parallel_under_another_name_differs_by_nothing() -> None:
    prompts = {"p": sequences("aB.A"), "q": sequences("Abba", 3), "r": sequences("....", 30)}
    [row] = compared(pair({}, prompts, prompts))
    assert row["equal_tokens_samples"] == 4
    unseen = 1 - 0.05 ** (1 / 3)
    for name in ("pass_at_k_equal_tokens", "cons_at_max_equal_tokens", "pass_rate"):
        bounds = [row[f"{name}_difference{end}"] for end in ("", "_low", "_high")]
        assert bounds == pytest.approx([0, -unseen, unseen], abs=1e-12)
    assert (row["p_value"], row["verdict"]) == (1, "undecided")


@pytest.mark.parametrize(
    ("solved", "all_samples", "verdict"),
    [(0, 12, "dominated"), (8, 12, "dominated here"), (12, 12, "not comparable")],
)
def test_more_tokens_than_all_samples(solved: int, all_samples: int, verdict: str) -> None:
    names = [str(number) for number in range(all_samples)]
    method = {name: sequences("A" if n < solved else "a", 41) for n, name in enumerate(names)}
    [row] = compared(pair({}, method, {name: sequences("AAAA", 10) for name in names}))
    assert row["equal_tokens_samples"] is row[DIFFERENCE] is None
    assert row["verdict"] == verdict


def test_data_sets_of_a_model_are_pooled_by_their_own_thresholds() -> None:
    other = pair(
        {"dataset": "other", "entropy_threshold": 2.0},
        {name: sequences("a", 10) for name in "xyz"},
        {name: sequences("AAAA", 10) for name in "xyz"},
    )
    rows = compared(usual({}) + other)
    assert [row["dataset"] for row in rows] == ["d", "other", "all"]
    row = rows[2]
    assert (row["entropy_threshold"], row["prompts"]) == ("all", 5)
    # What repeats other rows is not tested once more.
    assert (row["holm_p_value"], row["verdict"]) == (None, None)
    assert row["pass_at_k_difference"] == 0
    assert row[DIFFERENCE] == pytest.approx((1 - 1) / 2)
    assert row["equal_tokens_samples"] == pytest.approx((2 + 1) / 2)
    assert row["tokens_saved"] == pytest.approx((0.5 + 0.75) / 2)
    both = compared([*usual({}), *usual({"entropy_threshold": 2.0}), *other])
    assert [row["entropy_threshold"] for row in both if row["dataset"] == "all"] == [2.0]


def paper(seeds: int, gain: float, rng: np.random.Generator) -> list:
    """A plan of the paper's size: 36 cells with three methods, 30 prompts, M 8; made-up results."""
    found: list[Any] = []
    for model, dataset, most in product("abcd", "xyz", (4, 6, 8)):
        chances = rng.beta(0.4, 0.6, size=(30, 1))
        for seed in range(seeds):
            cell = {**CELL, "model": model, "dataset": dataset, "max_sequences": most, "seed": seed}
            for method, samples in (("parallel", most), *((name, most // 2) for name in "uvw")):
                better = 1 if method == "parallel" else gain
                right = rng.random((30, samples)) < 1 - (1 - chances) ** better
                texts = ["".join("A" if one else "a" for one in row) for row in right]
                prompts = {str(n): sequences(text) for n, text in enumerate(texts)}
                found.append((cell, method, metrics(method, prompts)))
    return found


def verdicts(results: list) -> list[str]:
    return [row["verdict"] for row in compared(results) if row["dataset"] != "all"]


@pytest.mark.parametrize("seeds", [1, pytest.param(5, marks=pytest.mark.long)])
def test_far_better_methods_are_found_in_every_cell_with_any_number_of_seeds(seeds: int) -> None:
    found = verdicts(paper(seeds, 100, np.random.default_rng(1)))
    assert found == ["better"] * 108


@pytest.mark.long
def test_few_plans_without_a_difference_have_a_verdict() -> None:
    rng = np.random.default_rng(2)
    false = [set(verdicts(paper(1, 1, rng))) != {"undecided"} for _ in range(3)]
    assert sum(false) <= 1


def test_no_baseline_no_row_and_other_prompts_are_refused() -> None:
    prompts = {"p": sequences("A")}
    assert compared([(CELL, "eager", metrics("eager", prompts))]) == []
    with pytest.raises(EagerError, match="different prompts"):
        compared(pair({}, prompts, {"q": sequences("A")}))
    with pytest.raises(EagerError, match="different prompts"):
        compared([*pair({}, prompts, prompts), *pair({"seed": 2}, {"q": sequences("A")}, prompts)])


@pytest.mark.parametrize("text", ["aaaa", "AAAA", "...."])
def test_of_one_prompt_nothing_is_known_of_the_spread(text: str) -> None:
    [row] = compared(pair({}, {"p": sequences(text[:2])}, {"p": sequences(text)}))
    assert row[DIFFERENCE] == 0
    assert row[f"{DIFFERENCE}_low"] is row["detectable_difference"] is row["seeds_for_0.05"] is None


def test_fewer_or_more_where_the_whole_interval_says_so() -> None:
    for low, high, expected in (
        (0.01, 0.4, "fewer"),
        (-0.4, -0.01, "more"),
        (-0.1, 0.2, "undecided"),
        (0, 0.2, "undecided"),
        (None, None, "undecided"),
    ):
        assert tokens_of({"tokens_saved_low": low, "tokens_saved_high": high}) == expected


def test_better_or_worse_by_the_adjusted_p_value() -> None:
    for difference, p_value, expected in (
        (0.1, 0.049, "better"),
        (-0.1, 0.049, "worse"),
        (0.1, 0.05, "undecided"),
        (0.1, None, "undecided"),
    ):
        assert verdict_of({DIFFERENCE: difference, "holm_p_value": p_value}) == expected


def test_p_values_are_adjusted_for_the_cells_and_methods() -> None:
    names = [str(number) for number in range(12)]
    method = {name: sequences("A" if name in "0123456789" else "a") for name in names}
    parallel = {name: sequences("aaaA") for name in names}
    sets = [row for name in "xyz" for row in pair({"dataset": name}, method, parallel)]
    rows = compared([*sets, *(({**cell, "seed": 2}, *rest) for cell, *rest in sets)])
    raw = [row["p_value"] for row in rows]
    adjusted = [row["holm_p_value"] for row in rows]
    assert adjusted == pytest.approx([3 * raw[0]] * 3 + [None])


def test_the_curve_is_there_once_and_over_all_seeds() -> None:
    other = pair({"seed": 2}, {}, {name: sequences("Aaba", 30) for name in "pq"})[:1]
    results = [*usual({}), *usual({"entropy_threshold": 2.0}), *other]
    table = parallel_curves(pool_seeds(results))
    # The second seed was run with one threshold only.
    assert [row["samples"] for row in table] == [1, 2, 3, 4] * 2
    assert "entropy_threshold" not in table[0]
    assert [row["tokens_per_prompt"] for row in table[:4]] == [20, 40, 60, 80]
    assert [row["pass_at_k"] for row in table[:4]] == pytest.approx([1 / 8, 1 / 4, 3 / 8, 1 / 2])


def test_rivals_are_derived_and_compared_with_full_parallel_and_with_methods() -> None:
    parallel = {"p": sequences("AAAA", 10), "q": sequences("aaaa", 10)}
    results = pool_seeds(pair({}, {"p": sequences("A", 10), "q": sequences("a", 10)}, parallel))
    derived = derive(results, RivalSettings(window=2))
    table = {row["method"]: row for row in rivals_table(results, derived)}
    assert list(table) == ["until_solved", "adaptive_consistency", "early_stopping"]
    assert [row["uses_right_answers"] for row in table.values()] == [True, False, False]
    assert [row["tokens_per_prompt"] for row in table.values()] == [25, 40, 20]
    assert [row["tokens_relative"] for row in table.values()] == [0.625, 1, 0.5]
    assert [row["rounds"] for row in table.values()] == [2.5, 4, 1]
    assert {row["pass_at_k_difference"] for row in table.values()} == {0}
    [pair_row] = compare_pairs(pairs_of(results, derived))
    assert (pair_row["method"], pair_row["against"]) == ("eager", "until_solved")
    assert pair_row["tokens_saved"] == pytest.approx(1 - 10 / 25)
    assert pair_row["pass_at_k_p_value"] == 1
    assert rivals_table([], []) == []


@pytest.mark.parametrize("change", [{"seed": 2}, {"max_sequences": 8}])
def test_rivals_share_a_budget_where_there_are_more_samples(change: dict) -> None:
    one = usual({})
    more = "aaAaaaaa" if "max_sequences" in change else "aaAa"
    other = pair(change, {}, {name: sequences(more, 10) for name in "pq"})[:1]
    derived = derive(pool_seeds([*one, *other]), RivalSettings())
    shared = next(one for one in derived if one.method == "until_solved_shared")
    assert shared.cell["max_sequences"] == 4
    # One sample of eight is right; the prompts have eight draws together, four each and what the
    # other one leaves: 1/2 + (3 + 2 + 1) / 64.
    assert shared.values("solved").mean() == pytest.approx(19 / 32, abs=0.1)
    assert shared.values("sequences").mean() <= 4
    alone = {one.method for one in derive(pool_seeds(one), RivalSettings())}
    assert alone == {"until_solved", "adaptive_consistency", "early_stopping"}
