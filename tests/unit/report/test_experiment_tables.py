"""All tables of an experiment together: files, the summary's column at equal tokens, edges."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from eager.config.rivals import RivalSettings
from eager.report.tables.experiment import tables_of, write_tables
from eager.report.tables.names import table_names
from tests.support.results import CELL, metrics, sequences


def results(text: str, prompts: str) -> list:
    """A cell with Full Parallel and two methods."""
    half = text[: (len(text) + 1) // 2]
    return [
        (CELL, method, metrics(method, {name: sequences(some) for name in prompts}))
        for method, some in (("parallel", text), ("eager_init", half), ("eager", half))
    ]


@pytest.mark.parametrize("text", ["aBa.", "aaaa", "BBBB", "...."])
@pytest.mark.parametrize("prompts", ["", "p", "pqr"])
def test_every_kind_of_result_has_its_tables(text: str, prompts: str, tmp_path: Path) -> None:
    made = tables_of(results(text, prompts), None, RivalSettings())
    write_tables(made, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(table_names())
    said = (tmp_path / "conclusion.md").read_text()
    assert said.startswith("# Conclusion\n\n2 comparisons" if prompts else "# Conclusion\n\nThere")
    assert len(made.frame("rivals")) == (6 if prompts else 0)
    assert "nan" not in "".join(p.read_text() for p in tmp_path.iterdir()).lower().split()


def test_the_summary_says_what_the_same_tokens_would_have_bought() -> None:
    summary = tables_of(results("aBaB", "pq"), None, RivalSettings()).frame("summary")
    column = summary["pass_at_k_equal_tokens_difference"]
    assert pd.isna(column[0])
    # Both samples hold a right one; of all pairs of Full Parallel's five in six do.
    assert column[1] == pytest.approx(1 / 6)
    assert summary["distinct_answers_per_sequence"].tolist() == [0.5, 1, 1]
