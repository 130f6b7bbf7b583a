"""The best theta of a sweep beside one chosen on other prompts."""

from __future__ import annotations

from statistics import fmean
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eager.report.tables.pairing import Pooled
from eager.report.tables.thresholds import COLUMNS, sweep, sweep_columns

CELL = {"model": "m", "dataset": "d", "max_sequences": 4, "seed": 1}


def test_a_theta_that_is_best_by_one_prompt_is_not_chosen_for_that_prompt() -> None:
    solved = {2.0: np.array([1.0, 0, 0]), 2.4: np.array([0.0, 1, 1])}
    # Without the second, or the third, the two are equal, and 2.0 has fewer tokens.
    for tokens, held_out in (({2.0: 10, 2.4: 20}, 0), ({2.0: 20, 2.4: 10}, 2 / 3)):
        best, *shares = list(sweep(solved, tokens).values())[:3]
        assert (best, shares) == (2.4, pytest.approx([2 / 3, held_out]))


@given(
    st.integers(1, 4).flatmap(
        lambda thetas: st.lists(
            st.lists(st.booleans(), min_size=thetas, max_size=thetas), min_size=1, max_size=9
        )
    )
)
def test_equals_choosing_again_without_each_prompt(table: list[list[bool]]) -> None:
    thetas, prompts = range(len(table[0])), range(len(table))
    solved = {float(t): np.array([float(row[t]) for row in table]) for t in thetas}
    _, at_best, held_out, *_ = sweep(solved, {float(t): 1.0 for t in thetas}).values()

    def best_on(chosen: list[int]) -> int:
        return max(thetas, key=lambda t: (sum(table[p][t] for p in chosen), -t))

    expected = fmean(table[p][best_on([q for q in prompts if q != p])] for p in prompts)
    assert held_out == pytest.approx(expected)
    assert at_best == max(fmean(table[p][t] for p in prompts) for t in thetas)
    assert held_out <= at_best


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
    other = Pooled(sweeping[1].cell, "eager", {1: {"per_prompt": {"9": {"solved": True}}}})
    assert sweep_columns([sweeping[0], other]) == [{}] * 2
