"""Full Parallel at several M: rows against the largest, paired by prompt."""

from __future__ import annotations

import pytest

from eager.evaluation.measure import metrics_of
from eager.report.tables.nested import nested_samples
from tests.support.results import metrics, sequences

CELL = {"model": "m", "dataset": "d", "temperature": 0.6, "entropy_threshold": 1.0, "seed": 1}
COUNTS = [{"tokens": 100, "engine_seconds": 10.0}]


def results(*of_each_m: dict[str, str], **changes: object) -> list:
    """Results of Full Parallel, a text of samples per prompt; their length is M."""
    found = []
    for prompts in of_each_m:
        cell = {**CELL, "max_sequences": len(next(iter(prompts.values()))), **changes}
        content = {name: sequences(text, 10) for name, text in prompts.items()}
        found.append((cell, "parallel", metrics("parallel", content, COUNTS)))
    return found


def test_smaller_results_are_compared_with_the_largest_of_their_pool() -> None:
    pool = results({"p": "aB", "q": "ab"}, {"p": "aBcc", "q": "abAa"}, {"p": "aBccA", "q": "abAaA"})
    twice = [({**cell, "entropy_threshold": 2.0}, *rest) for cell, *rest in pool]
    table = nested_samples([*pool, *twice, *results({"p": "aB", "q": "ab"}, seed=2)])
    assert list(table["max_sequences"]) == [2, 4]
    assert list(table["beside"]) == [5, 5]
    assert list(table["prompts"]) == [2, 2]
    assert table["nested"].all()
    # One prompt of two is not solved by two samples, and is by four.
    assert list(table["pass_at_k_difference"]) == [-0.5, 0]
    assert list(table["tokens_saved"]) == pytest.approx([0.6, 0.2])
    assert "entropy_threshold" not in table


def test_results_that_were_drawn_apart_are_told_from_nested_ones() -> None:
    table = nested_samples(results({"p": "ab"}, {"p": "Aaaa"}))
    assert list(table["nested"]) == [False]


def test_results_of_other_prompts_or_of_none_have_no_row() -> None:
    assert nested_samples(results({"p": "ab"}, {"q": "abc"})).empty
    assert nested_samples(results({"p": "ab"})).empty
    empty = metrics_of("parallel", {}, {}, [])
    cells = [({**CELL, "max_sequences": cap}, "parallel", empty) for cap in (2, 4)]
    assert nested_samples(cells).empty
