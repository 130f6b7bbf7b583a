"""The best theta of a sweep beside one chosen on other prompts."""

from __future__ import annotations

from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eager.report.tables.pairing import Pooled
from eager.report.tables.thresholds import COLUMNS, sweep, sweep_columns

CELL = {"model": "m", "dataset": "d", "max_sequences": 4, "seed": 1}


def test_a_theta_that_is_best_by_one_prompt_is_not_chosen_for_that_prompt() -> None:
    solved = {
        2.0: {"a": True, "b": False, "c": False},
        2.4: {"a": False, "b": True, "c": True},
    }
    # Without b, or without c, the two are equal, and 2.0 has fewer tokens.
    assert sweep(solved, {2.0: 10, 2.4: 20})[:3] == (2.4, pytest.approx(2 / 3), 0.0)
    assert sweep(solved, {2.0: 20, 2.4: 10})[:3] == (2.4, *[pytest.approx(2 / 3)] * 2)


@given(
    st.integers(1, 4).flatmap(
        lambda thetas: st.lists(
            st.lists(st.booleans(), min_size=thetas, max_size=thetas), min_size=1, max_size=9
        )
    )
)
def test_equals_choosing_again_without_each_prompt(table: list[list[bool]]) -> None:
    thetas, prompts = range(len(table[0])), range(len(table))
    solved = {float(t): {str(p): table[p][t] for p in prompts} for t in thetas}
    found = sweep(solved, {float(t): 1.0 for t in thetas})

    def best_on(chosen: list[int]) -> int:
        return max(thetas, key=lambda t: (sum(table[p][t] for p in chosen), -t))

    expected = fmean(table[p][best_on([q for q in prompts if q != p])] for p in prompts)
    assert found.held_out == pytest.approx(expected)
    assert found.at_best == max(fmean(table[p][t] for p in prompts) for t in thetas)
    assert found.held_out <= found.at_best


def result(theta: float, solved: list[bool], method: str = "eager", **more: Any) -> Any:
    rows = {str(number): {"solved": flag} for number, flag in enumerate(solved)}
    metrics = {"per_prompt": rows, "tokens_per_prompt": 10.0}
    return Pooled({**CELL, "entropy_threshold": theta, **more}, method, {1: metrics})


def test_columns_are_there_only_for_a_sweep_and_by_rule() -> None:
    sweeping = [result(2.0, [True, False]), result(2.4, [True, True])]
    alone = [result(2.0, [True, False], "parallel"), result(2.0, [False, False], rule="authors")]
    found = sweep_columns([*sweeping, *alone])
    # Without the second prompt both thetas are equal, and the lower one fails on it.
    assert [list(one.values())[:3] for one in found[:2]] == [[2.4, 1.0, 0.5]] * 2
    assert found[0]["pass_at_k_held_out_low"] == pytest.approx(0.0126, abs=1e-4)
    assert found[2:] == [dict.fromkeys(COLUMNS)] * 2
    assert sweep_columns([sweeping[0], *alone]) == [{}] * 3


def test_prompts_must_be_the_same() -> None:
    with pytest.raises(ValueError, match="the same prompts for every theta"):
        sweep({2.0: {"a": True}, 2.4: {"b": True}}, {2.0: 1, 2.4: 1})
