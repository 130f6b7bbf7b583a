"""The rules of the verdict in words."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from eager.config.settings import RivalSettings
from eager.report.tables.comparison import compare_with_baseline
from eager.report.tables.conclusion import (
    Cost,
    Quality,
    conclude,
    cost_of,
    markdown_of,
    quality_of,
)
from eager.report.tables.rivals_table import rivals_table
from tests.support.results import CELL, metrics, sequences

NAME = "pass_at_k_equal_tokens"


def row(**values: Any) -> dict[str, Any]:
    """A row of the comparison: saves a third, +0.03 at equal tokens."""
    figures = {
        **CELL,
        "method": "eager_init",
        "prompts": 30,
        "tokens_saved": 0.33,
        "tokens_saved_low": 0.2,
        "tokens_saved_high": 0.4,
        "equal_tokens_samples": 2.61,
    }
    for quality in ("pass_at_k", "cons_at_max"):
        name = f"{quality}_equal_tokens"
        figures |= {f"{name}_difference": 0.03, f"{name}_difference_low": -0.05}
        figures |= {f"{name}_difference_high": 0.11, f"{name}_p_value": 0.4}
        figures |= {f"{name}_holm_p_value": 0.8, f"{quality}_prompts_to_decide": 640}
        figures[f"{quality}_difference"] = -0.04
    return {**figures, **values}


def said(**values: Any) -> str:
    found = conclude(pd.DataFrame([row(**values)]), pd.DataFrame())
    return " ".join(found.statements[0].sentences).replace("\N{MINUS SIGN}", "-")


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.01, 0.4, Cost.SAVES),
        (-0.4, -0.01, Cost.COSTS),
        (-0.1, 0.2, Cost.UNDECIDED),
        (0, 0.2, Cost.UNDECIDED),
    ],
)
def test_saves_or_costs_where_the_whole_interval_says_so(
    low: float, high: float, expected: Cost
) -> None:
    assert cost_of({"tokens_saved_low": low, "tokens_saved_high": high}) is expected
    assert cost_of({}) is Cost.UNDECIDED


@pytest.mark.parametrize(
    ("difference", "p_value", "expected"),
    [
        (0.1, 0.049, Quality.BETTER),
        (-0.1, 0.049, Quality.WORSE),
        (0.1, 0.05, Quality.UNDECIDED),
        (None, None, Quality.NOT_COMPARABLE),
    ],
)
def test_better_or_worse_by_the_adjusted_p_value(
    difference: float | None, p_value: float | None, expected: Quality
) -> None:
    figures = {f"{NAME}_difference": difference, f"{NAME}_holm_p_value": p_value}
    known = {name: value for name, value in figures.items() if value is not None}
    assert quality_of(known, "pass_at_k") is expected


def test_undecided_is_said_as_plainly_as_the_rest() -> None:
    text = said()
    assert text.startswith("Saves 33 % of Full Parallel's tokens [20 %, 40 %].")
    assert (
        "Against 2.6 samples of Full Parallel, which cost as much: Pass@k +0.03 [-0.05, 0.11], "
        "undecided (about 640 prompts would decide a difference of this size); Cons@max"
    ) in text
    text = said(**{f"{NAME}_p_value": 0.02, f"{NAME}_holm_p_value": 0.06})
    assert "(p = 0.020 alone, 0.060 adjusted for the number of comparisons)" in text
    assert "would decide a difference of 0.01" in said(**{f"{NAME}_difference": 0.004})
    assert "do not say how many would decide" in said(pass_at_k_prompts_to_decide=None)
    assert "Pass@k +0.03 [-0.05, 0.11], better;" in said(**{f"{NAME}_holm_p_value": 0.001})


def test_costs_and_nothing_to_compare_with() -> None:
    text = said(
        tokens_saved=-0.1,
        tokens_saved_low=-0.2,
        tokens_saved_high=-0.05,
        **{f"{q}_equal_tokens_difference": None for q in ("pass_at_k", "cons_at_max")},
    )
    assert text.startswith("Costs 10 % more of Full Parallel's tokens [-20 %, -5 %].")
    assert "It used more tokens than all of Full Parallel's samples" in text
    assert "Against all samples: Pass@k -0.04" in text
    assert "undecided (33 % fewer, saving -20 % to 40 %)" in said(tokens_saved_low=-0.2)


def test_warnings_of_several_comparisons_and_of_few_prompts() -> None:
    one = conclude(pd.DataFrame([row(prompts=200)]), pd.DataFrame())
    assert one.warnings == []
    assert one.summary == (
        "1 comparison of a method with Full Parallel. Tokens: 1 save, 0 cost more, 0 undecided. "
        "Pass@k at equal tokens: 0 better, 0 worse, 1 undecided, 0 not comparable."
    )
    rows = [row(), row(seed=2), row(seed="all"), row(dataset="all")]
    several = conclude(pd.DataFrame(rows), pd.DataFrame())
    assert several.summary.startswith("2 comparisons")
    assert several.warnings[0].startswith("2 comparisons are made at equal tokens")
    assert "91.7 % with 30 prompts" in several.warnings[1]
    places = [statement.place for statement in several.statements]
    assert "all seeds" in places[0]
    assert places[1].startswith("all data sets (m, M 4, θ 1, T 0.6, seed 1, 30 prompts)")
    assert "nothing to compare" in conclude(pd.DataFrame(), pd.DataFrame()).summary


def test_rivals_stand_beside_the_method_that_knows_as_much() -> None:
    parallel = {name: sequences("AAAa", 10) for name in "pq"}
    own = {name: sequences("A") for name in "pq"}
    results = [(CELL, "parallel", metrics("parallel", parallel))]
    results += [(CELL, name, metrics(name, own)) for name in ("eager_init", "eager_adapt", "eager")]
    found = conclude(compare_with_baseline(results), rivals_table(results, RivalSettings(window=2)))
    text = markdown_of(found)
    assert text.startswith("# Conclusion\n\n3 comparisons")
    init, adapt, eager = (line for line in text.splitlines() if line.startswith("- **"))
    assert "drawn in turn" not in init
    assert "early stopping (ESC) 1.000" in adapt
    assert "adaptive consistency 1.000 with 40 tokens in 4.0 rounds" in adapt
    assert "sampling until solved 1.000 with 12 tokens in 1.2 rounds" in eager
    assert "until solved" not in adapt
