"""The summary: the figures of every result, a row each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from eager.config.experiment import Target
from eager.report.tables.comparison import with_bounds
from eager.report.tables.pairing import Result
from eager.report.tables.thresholds import sweep_columns
from eager.util.files import read_json

RELATIVE = ("tokens", "tokens_upstream", "sequences", "seconds", "pass_at_k")
METRICS = [
    "prompts",
    "pass_at_k",
    "cons_at_max",
    "pass_rate",
    "pass_at_k_upstream",
    "cons_at_max_upstream",
    "pass_rate_upstream",
    "distinct_answers_per_sequence",
    "distinct_answers_per_1000_tokens",
    "sequences",
    "tokens",
    "tokens_upstream",
    "tokens_per_prompt",
    "computed_tokens",
    "engine_seconds",
    "seconds",
]
ONLY_IN_CSV = [
    *("pass_at_k_upstream", "cons_at_max_upstream", "pass_rate_upstream"),
    *("engine_seconds", "sequences_relative", "seconds_relative"),
]


def read_results(targets: Sequence[Target]) -> list[Result]:
    """Cell, method and metrics of each result, in the order of the targets."""
    paths = dict.fromkeys(target.metrics for target in targets)
    metrics = {path: read_json(Path(path)) for path in paths}
    return [(target.cell, target.method, metrics[target.metrics]) for target in targets]


EQUAL_TOKENS = [f"pass_at_k_equal_tokens_difference{end}" for end in ("", "_low", "_high")]


def with_equal_tokens(summary: pd.DataFrame, comparison: pd.DataFrame) -> pd.DataFrame:
    """The summary with the difference in Pass@k at equal tokens of each method.

    Args:
        summary: of `summarize`.
        comparison: of `compare_with_baseline`; may be empty.
    """
    names = [str(name) for name in summary.columns]
    place = names[: names.index("method") + 1] if names else []

    def key(row: Mapping[Any, Any]) -> tuple[Any, ...]:
        return tuple(None if pd.isna(row.get(name)) else row[name] for name in place)

    known = {key(row): row for row in comparison.to_dict("records")}
    rows = [{str(name): value for name, value in row.items()} for row in summary.to_dict("records")]
    for row in rows:
        compared = known.get(key(row), {})
        row |= {name: compared.get(name) for name in EQUAL_TOKENS}
    return pd.DataFrame(rows)


def summarize(results: Sequence[Result]) -> pd.DataFrame:
    """One row per cell and method, in the order given.

    Relative columns compare a method with `parallel` in the same cell; they are empty where
    `parallel` was not run or is zero.
    """
    records = []
    for cell, method, metrics in results:
        record: dict[str, Any] = {**cell, "method": method}
        for name in METRICS:
            if name in metrics["intervals"]:
                record |= with_bounds(name, metrics[name], metrics["intervals"][name])
            else:
                record[name] = metrics[name]
        records.append(record)
    baselines = {
        tuple(cell.items()): metrics for cell, method, metrics in results if method == "parallel"
    }
    for record, (cell, _, metrics) in zip(records, results, strict=True):
        baseline = baselines.get(tuple(cell.items()), {})
        for name in RELATIVE:
            value, reference = metrics[name], baseline.get(name)
            comparable = reference and value is not None
            record[f"{name}_relative"] = value / reference if comparable else None
    for record, columns in zip(records, sweep_columns(results), strict=True):
        record.update(columns)
    return pd.DataFrame(records)
