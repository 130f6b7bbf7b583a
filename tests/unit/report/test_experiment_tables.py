"""All tables of an experiment together: files, the summary's column at equal tokens, edges."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from eager.config.settings import RivalSettings
from eager.report.tables.experiment import tables_of, write_tables
from eager.report.tables.names import table_names
from eager.report.tables.rendering import for_people
from eager.report.tables.stored import Tables, store_tables, stored_tables
from eager.util.errors import EagerError
from tests.support.results import CELL, metrics, sequences


def results(text: str, prompts: str) -> list:
    """A cell with Full Parallel and two methods."""
    half = text[: (len(text) + 1) // 2]
    return [
        (CELL, method, metrics(method, {name: sequences(some) for name in prompts}))
        for method, some in (("parallel", text), ("eager_init", half), ("eager", half))
    ]


def assert_stored_as_it_is(made: Tables, path: Path) -> None:
    """The page is written from the same columns, kinds of value and digits."""
    store_tables(made, path)
    stored = stored_tables(path)
    assert stored.conclusion == made.conclusion
    for ours, theirs in zip(made.tables, stored.tables, strict=True):
        assert (ours.name, list(ours.only_in_csv)) == (theirs.name, theirs.only_in_csv)
        assert ours.frame.to_csv() == theirs.frame.to_csv()
        assert for_people(ours.frame, ours.only_in_csv) == for_people(
            theirs.frame, ours.only_in_csv
        )


@pytest.mark.parametrize("text", ["aBa.", "aaaa", "BBBB", "...."])
@pytest.mark.parametrize("prompts", ["", "p", "pqr"])
def test_every_kind_of_result_has_its_tables(text: str, prompts: str, tmp_path: Path) -> None:
    made = tables_of(results(text, prompts), None, RivalSettings())
    write_tables(made, tmp_path)
    assert_stored_as_it_is(made, tmp_path.with_suffix(".json"))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(table_names())
    said = (tmp_path / "conclusion.md").read_text()
    assert ("comparisons of Pass@k" if prompts else "nothing to compare") in said
    assert len(made.frame("rivals")) == (3 if prompts else 0)
    assert len(made.frame("pairs")) == (2 if prompts else 0)
    assert "nan" not in "".join(p.read_text() for p in tmp_path.iterdir()).lower().split()


def test_tables_without_rows_have_the_header_of_those_with(tmp_path: Path) -> None:
    """Without prompts, and without Full Parallel, as pandas reads the files."""
    seeds = [({**CELL, "seed": 7}, method, found) for _, method, found in results("aBa.", "p")]
    everything = [*results("aBa.", "p"), *seeds]
    for number, some in enumerate([everything, results("aBa.", ""), everything[1:2]]):
        write_tables(tables_of(some, None, RivalSettings()), tmp_path / str(number))
    for path in (tmp_path / "0").glob("*.csv"):
        columns = list(pd.read_csv(path).columns)
        assert len(columns) > 8
        for other in ("1", "2"):
            assert list(pd.read_csv(tmp_path / other / path.name).columns) == columns


def test_the_summary_says_what_the_same_tokens_would_have_bought() -> None:
    summary = tables_of(results("aBaB", "pq"), None, RivalSettings()).frame("summary")
    column = summary["pass_at_k_equal_tokens_difference"]
    assert pd.isna(column[0])
    # Both samples hold a right one; of all pairs of Full Parallel's five in six do.
    assert column[1] == pytest.approx(1 / 6)
    assert summary["distinct_answers_per_sequence"].tolist() == [0.5, 1, 1]


def test_three_seeds_are_one_row_everywhere_and_a_table_of_their_own(tmp_path: Path) -> None:
    """A method that solves all with half the tokens: every table and the verdict say so."""
    rng = np.random.default_rng(3)
    found: list[Any] = []
    for seed in (1, 2, 3):
        for method, samples, chance in (("parallel", 4, 0.3), ("eager_init", 2, 0.95)):
            right = rng.random((40, samples)) < chance
            texts = ["".join("A" if one else "a" for one in row) for row in right]
            prompts = {str(number): sequences(text) for number, text in enumerate(texts)}
            found.append(({**CELL, "seed": seed}, method, metrics(method, prompts)))
    made = tables_of(found, None, RivalSettings())
    for name in ("summary", "comparison", "cost", "secondary", "rivals", "parallel_curve"):
        assert set(made.frame(name)["seed"]) == {"all"}, name
    seeds, summary = made.frame("seeds").query("method == 'eager_init'"), made.frame("summary")
    assert seeds["seed"].tolist() == [1, 2, 3]
    pooled = summary.set_index("method").loc["eager_init"]
    for name in ("pass_at_k", "pass_at_k_equal_tokens_difference"):
        assert seeds[name].mean() == pytest.approx(pooled[name])
    assert seeds["pass_at_k"].std() == pytest.approx(pooled["pass_at_k_between_seeds"])
    width = "pass_at_k_equal_tokens_difference_high"
    assert (seeds[width] - seeds[width[:-5]]).min() > pooled[width] - pooled[width[:-5]]
    [row] = made.rows("comparison")
    assert (row["tokens"], row["verdict"]) == ("fewer", "better")
    said = " ".join(made.conclusion)
    assert "EAGer-init: fewer in 1 of 1 (50 %)" in said
    assert "EAGer-init: better in 1 of 1" in said
    assert "until_solved_shared" in set(made.frame("rivals")["method"])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "no such file; make the tables first"),
        ("{", "delete it"),
        ("[]", "not a file of tables"),
        ('{"tables": [{"name": "summary"}]}', "not a file of tables"),
        ('{"tables": []}', "not a file of tables"),
    ],
)
def test_a_file_that_is_not_of_tables_is_told(
    content: str | None, expected: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "tables.json").write_text(content)
    with pytest.raises(EagerError, match=expected):
        stored_tables(tmp_path / "tables.json")
