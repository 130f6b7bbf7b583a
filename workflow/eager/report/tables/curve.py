"""The table of Full Parallel's curve: what k of its M samples reach, for every k."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from eager.report.tables.comparison import with_bounds
from eager.report.tables.pairing import BASELINE, Result

OF_BRANCHING = ("entropy_threshold", "rule")
"""Parameters that Full Parallel does not know."""
ONLY_IN_CSV = ("cons_error",)


def parallel_curves(results: Sequence[Result]) -> pd.DataFrame:
    """A row per result of Full Parallel and number of samples k.

    Cells that differ in how the other methods branch share their result, and its rows.
    """
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for cell, method, metrics in results:
        if method != BASELINE:
            continue
        place = {name: value for name, value in cell.items() if name not in OF_BRANCHING}
        for point in metrics.get("parallel_curve", []):
            figures: dict[str, Any] = {}
            for name, value in point.items():
                if name != "intervals":
                    figures |= (
                        with_bounds(name, value, point["intervals"][name])
                        if name in point["intervals"]
                        else {name: value}
                    )
            row = {**place, "method": method, **figures}
            rows.setdefault((*place.values(), point["samples"]), row)
    return pd.DataFrame(list(rows.values()))
