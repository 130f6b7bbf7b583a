"""The comparison with Full Parallel: as measured, at equal cost, over seeds and data sets."""

from __future__ import annotations

import pandas as pd
import pytest

from eager.config.settings import RivalSettings
from eager.report.tables.comparison import compare_with_baseline, only_in_csv
from eager.report.tables.curve import parallel_curves
from eager.report.tables.rivals_table import rivals_table
from eager.util.errors import EagerError
from tests.support.results import CELL, metrics, sequences

COUNTS = [{"tokens": 100, "engine_seconds": 10.0}]


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


def test_saving_is_told_from_the_unit_and_seeds_are_pooled() -> None:
    table = compare_with_baseline(usual({"seed": 1}) + usual({"seed": 2}))
    assert list(table["seed"]) == [1, 2, "all"]
    assert list(table["method"]) == ["eager"] * 3
    for row in table.to_dict("records"):
        assert row["pass_at_k_difference"] == row["pass_at_k_difference_low"] == 1
        assert row["tokens_saved"] == pytest.approx(0.5)
        assert row["tokens_upstream_saved"] == pytest.approx(0.75)
        assert row["saved_by_the_unit"] == pytest.approx(0.25)
        assert row["computed_tokens_saved"] == 0
        assert row["equal_tokens_samples"] == pytest.approx(2)
        assert row["pass_at_k_at_equal_tokens"] == 0
        assert row["pass_at_k_equal_tokens_difference"] == 1
        assert row["equal_computed_tokens_samples"] == row["equal_engine_seconds_samples"] == 4
        # Two of four samples: the same answer in half of the pairs.
        assert row["distinct_answers_equal_tokens_difference"] == pytest.approx(1 - 1.5)
    assert list(table["pass_at_k_p_value"][:2]) == [0.5, 0.5]  # two discordant prompts


def test_full_parallel_under_another_name_differs_by_nothing() -> None:
    prompts = {"p": sequences("aB.A"), "q": sequences("Abba", 3), "r": sequences("....", 30)}
    row = compare_with_baseline(pair({}, prompts, prompts)).iloc[0]
    assert row["equal_tokens_samples"] == 4
    for cost in ("tokens", "computed_tokens", "engine_seconds"):
        for quality in ("pass_at_k", "cons_at_max", "pass_rate"):
            name = f"{quality}_equal_{cost}"
            bounds = [row[f"{name}_difference{end}"] for end in ("", "_low", "_high")]
            assert bounds == pytest.approx([0, 0, 0], abs=1e-12)
            assert row[f"{name}_p_value"] == 1


def test_more_tokens_than_all_samples_leave_the_columns_empty() -> None:
    row = compare_with_baseline(
        pair({}, {"p": sequences("A", 41)}, {"p": sequences("aaaa", 10)})
    ).iloc[0]
    assert pd.isna(row["equal_tokens_samples"])
    assert pd.isna(row["pass_at_k_equal_tokens_difference"])
    imported = pair({}, {"p": sequences("A")}, {"p": sequences("aaaa")})
    for _, _, figures in imported:
        figures["computed_tokens"] = figures["engine_seconds"] = 0
    row = compare_with_baseline(imported).iloc[0]
    assert row["pass_at_k_equal_tokens_difference"] == 1
    assert pd.isna(row["pass_at_k_equal_engine_seconds_difference"])


def test_data_sets_of_a_model_are_pooled_by_their_own_thresholds() -> None:
    other = pair(
        {"dataset": "other", "entropy_threshold": 2.0},
        {name: sequences("a", 10) for name in "xyz"},
        {name: sequences("AAAA", 10) for name in "xyz"},
    )
    table = compare_with_baseline(usual({}) + other)
    assert list(table["dataset"]) == ["d", "other", "all"]
    row = table.iloc[2]
    assert (row["entropy_threshold"], row["prompts"]) == ("all", 5)
    assert row["pass_at_k_difference"] == 0
    assert row["pass_at_k_equal_tokens_difference"] == pytest.approx((1 - 1) / 2)
    assert row["equal_tokens_samples"] == pytest.approx((2 + 1) / 2)
    assert row["tokens_saved"] == pytest.approx((0.5 + 0.75) / 2)
    both = [*usual({}), *usual({"entropy_threshold": 2.0}), *other]
    pooled = compare_with_baseline(both).query("dataset == 'all'")
    assert list(pooled["entropy_threshold"]) == [2.0]
    seeds = [row for seed in (1, 2) for row in usual({"seed": seed})]
    seeds += [({**cell, "dataset": "other"}, m, f) for cell, m, f in seeds]
    found = compare_with_baseline(seeds).query("dataset == 'all'")
    assert list(found["seed"]) == [1, 2, "all"]


def test_p_values_are_adjusted_for_the_rows_that_pool_nothing() -> None:
    names = [str(number) for number in range(12)]
    method = {name: sequences("A" if name in "0123456789" else "a") for name in names}
    parallel = {name: sequences("aaaA") for name in names}
    table = compare_with_baseline(
        [row for seed in (1, 2, 3) for row in pair({"seed": seed}, method, parallel)]
    )
    raw = table["pass_at_k_equal_tokens_p_value"]
    adjusted = table["pass_at_k_equal_tokens_holm_p_value"]
    assert adjusted[:3].tolist() == pytest.approx([min(1, 3 * raw[0])] * 3)
    assert adjusted[3] == raw[3]


def test_the_file_for_people_has_the_columns_at_equal_tokens() -> None:
    table = compare_with_baseline(usual({}))
    shown = set(table.columns) - set(only_in_csv(table))
    assert {"tokens_saved", "pass_at_k_equal_tokens_difference"} <= shown
    assert "cons_at_max_equal_engine_seconds_p_value" not in shown
    assert only_in_csv(pd.DataFrame()) == []


def test_no_baseline_no_row_and_other_prompts_are_refused() -> None:
    prompts = {"p": sequences("A")}
    assert compare_with_baseline([(CELL, "eager", metrics("eager", prompts))]).empty
    with pytest.raises(EagerError, match="different prompts"):
        compare_with_baseline(pair({}, prompts, {"q": sequences("A")}))


@pytest.mark.parametrize("text", ["aaaa", "AAAA", "...."])
def test_one_prompt_and_results_all_alike(text: str) -> None:
    results = pair({}, {"p": sequences(text[:2])}, {"p": sequences(text)})
    row = compare_with_baseline(results).iloc[0]
    assert row["pass_at_k_equal_tokens_difference"] == 0
    assert pd.isna(row["pass_at_k_equal_tokens_difference_low"])
    assert pd.isna(row["pass_at_k_prompts_to_decide"])
    assert len(parallel_curves(results)) == 4
    assert len(rivals_table(results, RivalSettings())) == 5


def test_the_curve_is_there_once_for_cells_that_differ_in_the_threshold() -> None:
    table = parallel_curves(usual({}) + usual({"entropy_threshold": 2.0}) + usual({"seed": 2}))
    assert list(table["samples"]) == [1, 2, 3, 4] * 2
    assert "entropy_threshold" not in table
    assert list(table["tokens_per_prompt"][:4]) == [10, 20, 30, 40]
    assert parallel_curves([]).empty


def test_rivals_are_derived_rows_beside_the_methods() -> None:
    parallel = {"p": sequences("AAAA", 10), "q": sequences("aaaa", 10)}
    results = pair({}, {"p": sequences("A", 10), "q": sequences("a", 10)}, parallel)
    table = rivals_table(results, RivalSettings(window=2)).set_index("method")
    assert list(table.index) == [
        "parallel",
        "eager",
        "until_solved",
        "early_stopping",
        "adaptive_consistency",
    ]
    assert table["derived"].tolist() == [False, False, True, True, True]
    assert table["tokens_per_prompt"].tolist() == [40, 10, 25, 20, 40]
    assert table["tokens_relative"].tolist() == [1, 0.25, 0.625, 0.5, 1]
    assert table["rounds"].tolist()[2:] == [2.5, 1, 4]
    assert table["pass_at_k"].tolist() == [0.5] * 5
    wider = rivals_table(results, RivalSettings(window=4)).set_index("method")
    assert wider.loc["early_stopping", "tokens_per_prompt"] == 40
    assert rivals_table([], RivalSettings()).empty
