"""The table of rivals: what stopping early gets out of Full Parallel's samples, beside EAGer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from eager.config.settings import RivalSettings
from eager.evaluation.measure import sequences_of
from eager.evaluation.statistics.inference import mean_intervals
from eager.evaluation.statistics.rivals import Settings, rivals_of
from eager.report.tables.comparison import with_bounds
from eager.report.tables.pairing import BASELINE, Result

FIGURES = {
    "pass_at_k": "solved",
    "cons_at_max": "majority_correct",
    "pass_rate": "share_correct",
    "tokens": "tokens",
    "tokens_upstream": "tokens_upstream",
    "sequences": "sequences",
}
"""Figures of a rival, and the value per prompt of a result that each stands beside."""
AS_COLUMNS = {name: f"{name}_per_prompt" for name in ("tokens", "tokens_upstream", "sequences")}
ONLY_IN_CSV = ("tokens_upstream_per_prompt",)


def rivals_table(results: Sequence[Result], settings: RivalSettings) -> pd.DataFrame:
    """Per cell a row per method that was run, then one per rival, marked as derived.

    Derived rows are expected over orders of Full Parallel's samples, nothing was generated for
    them. `rounds` says how often one waits for samples: the latency that drawing in turn costs.
    """
    rows: list[dict[str, Any]] = []
    cells: dict[tuple[Any, ...], list[Result]] = {}
    for result in results:
        cells.setdefault(tuple(result[0].items()), []).append(result)
    for members in cells.values():
        measured = [
            _row(cell, method, _measured(metrics), rounds=1 if method == BASELINE else None)
            for cell, method, metrics in members
            if metrics["per_prompt"]
        ]
        derived = [
            _row(cell, name, table, derived=True, rounds=rounds)
            for cell, method, metrics in members
            if method == BASELINE and metrics["per_prompt"]
            for name, (table, rounds) in derive(metrics, settings).items()
        ]
        whole = next((r for r in measured if r["method"] == BASELINE), None)
        for row in [*measured, *derived]:
            used = whole and whole["tokens_per_prompt"]
            row["tokens_relative"] = row["tokens_per_prompt"] / used if used else None
        rows += [*measured, *derived]
    return pd.DataFrame(rows)


def derive(
    metrics: Mapping[str, Any], settings: RivalSettings
) -> dict[str, tuple[np.ndarray[Any, np.dtype[np.float64]], float]]:
    """Every rival on the samples of one result of Full Parallel.

    Returns:
        Per rival its values (a row per prompt, a column per figure of `FIGURES`), and the mean
        number of rounds.
    """
    chosen = Settings(settings.window, settings.confidence)
    found = [rivals_of(sequences_of(metrics, prompt), chosen) for prompt in metrics["per_prompt"]]
    return {
        name: (
            np.array([[getattr(one[name], figure) for figure in FIGURES] for one in found]),
            float(np.mean([one[name].rounds for one in found])),
        )
        for name in found[0]
    }


def _measured(metrics: Mapping[str, Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    prompts = metrics["per_prompt"].values()
    return np.array([[float(p[value]) for value in FIGURES.values()] for p in prompts])


def _row(
    cell: Mapping[str, Any],
    method: str,
    table: np.ndarray[Any, np.dtype[np.float64]],
    *,
    rounds: float | None,
    derived: bool = False,
) -> dict[str, Any]:
    row: dict[str, Any] = {**cell, "method": method, "derived": derived, "prompts": len(table)}
    for place, interval in zip(enumerate(FIGURES), mean_intervals(table), strict=True):
        column, name = place
        label = AS_COLUMNS.get(name, name)
        row |= with_bounds(label, float(table[:, column].mean()), interval)
    return {**row, "rounds": rounds}
