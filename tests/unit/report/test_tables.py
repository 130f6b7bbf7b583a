"""The rows of tables: published figures beside ours, results without prompts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from eager.config.experiment import imported_target
from eager.data.encoding import SCHEMA as PROMPTS
from eager.evaluation.answers.verdicts import VERDICTS
from eager.evaluation.measure import engine_costs, measure_target
from eager.report.tables.comparison import compare_with_baseline
from eager.report.tables.cost import cost_table
from eager.report.tables.pairing import pool_seeds, with_baseline
from eager.report.tables.published import compare_with_published, read_published
from eager.report.tables.rendering import for_people, markdown
from eager.report.tables.summary import summarize
from eager.util.files import read_json
from eager.util.tables import SEQUENCES, write_table
from tests.support.results import metrics, sequences

HEADER = "model,dataset,method,max_sequences,pass_at_k,tokens_per_prompt,source\n"
CELL = {"model": "m", "dataset": "d", "max_sequences": 4, "seed": 1}


def figures(solved: str) -> dict[str, Any]:
    """A result whose prompts are solved (1) or not, with 100 tokens each."""
    return metrics(
        "eager", {str(n): sequences("aA"[int(one)], 100) for n, one in enumerate(solved)}
    )


def facts(folder: Path, rows: str) -> list[Any]:
    (folder / "published.csv").write_text(HEADER + rows)
    return read_published(folder / "published.csv")


def test_published_figures_beside_ours(tmp_path: Path) -> None:
    known = facts(tmp_path, "m,d,eager,4,0.8,,a figure\n")
    results = [
        (CELL, "eager", figures("1111111000")),
        (CELL, "parallel", figures("1111100000")),
        ({**CELL, "max_sequences": 8}, "eager", figures("1")),
    ]
    table = pd.DataFrame(compare_with_published(pool_seeds(results), known)).set_index(
        ["max_sequences", "method", "figure"]
    )
    ours = table.loc[(4, "eager", "pass_at_k")]
    assert (ours["ours_low"], ours["ours_high"]) == pytest.approx((0.348, 0.933), abs=1e-3)
    assert ours["difference"] == pytest.approx(-0.1)
    assert ours["inside_our_interval"] is True
    assert ours["source"] == "a figure"
    assert table["published"].notna().sum() == 2  # by our rule and by the authors'
    assert table["source"].notna().sum() == 2


def test_costs_add_up_and_count_the_prefix_cache() -> None:
    count = {"tokens": 10, "prompt_tokens": 100, "cached_prompt_tokens": 90}
    count |= {"engine_seconds": 2.0, "driver_seconds": 0.5}
    costs = engine_costs([count, count])
    assert costs == {"computed_tokens": 40, "engine_seconds": 4.0, "seconds": 5.0}
    assert engine_costs([{}]) == {"computed_tokens": 0, "engine_seconds": 0, "seconds": 0}


def test_costs_by_hand() -> None:
    shape = {"layers": 2, "attention_width": 8, "kv_bytes_per_position": 2**20, "parameters": 1000}
    prompts = {name: sequences("a" * many, many) for name, many in (("p", 10), ("q", 20))}
    half = {name: some[: len(some) // 2] for name, some in prompts.items()}
    results = [
        (CELL, method, metrics(method, some) | {"model_shape": shape})
        for method, some in (("parallel", prompts), ("eager", half))
    ]
    whole, other = cost_table(pool_seeds(results))
    # Of the made-up results: 100 positions read by a sequence, prompts of 5 tokens.
    assert whole["kv_read_gib_per_prompt"] == 1500 / 1024
    tokens, attended = (5 + (100 + 400) / 2), 1500 + 5 * 4 / 2
    assert whole["tflop_per_prompt"] * 1e12 == 2 * 1000 * tokens + 4 * 2 * 8 * attended
    assert (whole["steps_per_prompt"], whole["steps_worst"]) == (15, 20)
    assert (other["kv_read_relative"], other["steps_relative"]) == (0.5, 1)
    unknown = [(cell, method, {**found, "model_shape": None}) for cell, method, found in results]
    assert cost_table(pool_seeds(unknown))[0]["kv_peak_mib"] is None


def test_an_empty_cell_has_no_figures(tmp_path: Path) -> None:
    schemas = {"sequences": SEQUENCES, "verdicts": VERDICTS, "prompts": PROMPTS}
    for kind, schema in schemas.items():
        write_table(tmp_path / f"{kind}.parquet", schema.empty_table(), kind)
    (tmp_path / "tasks.jsonl").write_text("")
    (tmp_path / "run.json").write_text('{"counts": {}}')
    results = []
    for method in ("parallel", "eager"):
        target = imported_target(tmp_path, CELL, method)
        measure_target(target)
        results.append((CELL, method, read_json(Path(target.metrics))))
    pooled = pool_seeds(results)
    for record in summarize(pooled, []):
        assert (record["prompts"], record["tokens"]) == (0, 0)
        assert record["pass_at_k"] is record["tokens_relative"] is None
    known = facts(tmp_path, "m,d,eager,4,0.8,,a figure\n")
    rows = compare_with_published(pooled, known)
    assert {row["ours"] for row in rows} == {row["difference"] for row in rows} == {None}
    assert compare_with_baseline(with_baseline(pooled)) == cost_table(pooled) == []
    assert "| eager " in markdown(*for_people(pd.DataFrame(summarize(pooled, []))))
