"""The verdict in words: at most six lines, each method's cells counted and none contradicted."""

from __future__ import annotations

from typing import Any

from eager.report.tables.conclusion import conclude, markdown_of
from tests.support.results import CELL


def row(**values: Any) -> dict[str, Any]:
    """A row of the comparison: saves a third, +0.03 at equal tokens, undecided."""
    figures = {**CELL, "method": "eager_init", "prompts": 30, "seeds": 1, "tokens_saved": 0.33}
    figures |= {"pass_at_k_equal_tokens_difference": 0.03, "pass_at_k_difference": -0.04}
    figures |= {"p_value": 0.4, "detectable_difference": 0.18, "seeds_for_0.03": 36}
    figures |= {"seeds_for_0.05": 13, "seeds_for_0.1": None}
    return {**figures, "tokens": "fewer", "verdict": "undecided", **values}


def cost(**values: Any) -> dict[str, Any]:
    figures = {"method": "eager_init", "steps_relative": 1.2, "steps_worst_relative": 5.1}
    return {**CELL, **figures, **values}


def said(*rows: dict[str, Any], cost: Any = (), summary: Any = ()) -> list[str]:
    lines = conclude(summary, rows, cost)
    assert len(lines) <= 6
    return [line.replace("\N{MINUS SIGN}", "-") for line in lines]


def test_a_method_has_its_cells_counted_and_ranges_of_its_figures() -> None:
    tokens, answers, steps, certainty, needed = said(
        row(),
        row(dataset="e", tokens_saved=0.5, pass_at_k_equal_tokens_difference=-0.1),
        row(dataset="all"),
        row(method="eager_adapt", tokens="more", tokens_saved=-0.2, verdict="better"),
        cost=[cost(), cost(method="parallel"), cost(steps_relative=0.9)],
    )
    assert "EAGer-init: fewer in 2 of 2 (33 % to 50 %)" in tokens
    assert "EAGer-adapt: more in 1 of 1 (20 %)" in tokens
    assert "EAGer-init: undecided in 2 of 2 (-0.10 to +0.03)" in answers
    assert "EAGer-adapt: better in 1 of 1 (+0.03)" in answers
    assert "EAGer-init: 0.90 to 1.20 times, 5.1 times for the slowest prompt" in steps
    assert "Full Parallel:" not in steps
    assert "3 comparisons" in certainty
    assert "0.18" in needed
    assert "+0.03: 36 seeds" in needed
    assert "+0.10: more prompts" in needed


def test_right_answers_more_tokens_and_the_choice_of_theta_are_said_as_such() -> None:
    beyond = {"pass_at_k_equal_tokens_difference": None, "tokens": "more", "tokens_saved": -0.1}
    chosen = {"method": "eager_init", "pass_at_k_at_best": 0.5, "pass_at_k_held_out": 0.42}
    for verdict in ("dominated", "dominated here"):
        rows = row(**beyond, verdict=verdict), row(method="eager", verdict="better")
        _, answers, told, certainty, _ = said(*rows, summary=[chosen])
        assert f"{verdict} in 1 of 1 (more tokens than all samples, and fewer solved" in answers
        assert "-0.04)" in answers
        assert "EAGer:" not in answers
        assert "right answers" in told
        assert "EAGer: better" in told
        assert "EAGer-init 0.08" in certainty


def test_nothing_to_compare() -> None:
    assert "nothing to compare" in markdown_of(conclude([], [row(dataset="all")], []))
