"""How entropy goes with accuracy: Pearson's and Spearman's coefficients, from scipy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from eager.facts import PERCENTILES, Peaks

FEWEST = 3
"""Two items always lie on a line; a coefficient says something from three on."""


@dataclass(frozen=True)
class Correlation:
    """Coefficients a percentile of `PERCENTILES` (NaN where entropies do not vary).

    Attributes:
        pearson: of the percentile's entropy with accuracy.
        spearman: of their ranks.
        reason: why there are none; empty if there are.
    """

    pearson: list[float]
    spearman: list[float]
    reason: str = ""

    def in_words(self) -> str:
        """One clause on the highest percentile."""
        if self.reason:
            return f"not defined ({self.reason})"
        return (
            f"Pearson {self.pearson[-1]:+.2f}, Spearman {self.spearman[-1]:+.2f} at percentile "
            f"{PERCENTILES[-1]:g}"
        )


def correlate(peaks: Peaks) -> Correlation:
    """Correlate each percentile with accuracy."""
    accuracy = peaks.accuracy
    if len(accuracy) < FEWEST:
        return Correlation([], [], f"{len(accuracy)} with recorded entropies")
    if np.all(accuracy == accuracy[0]):
        kind = {1.0: "all right", 0.0: "all wrong"}.get(float(accuracy[0]), "all alike")
        return Correlation([], [], kind)
    columns = peaks.percentiles.T
    varied = [not np.all(column == column[0]) for column in columns]
    return Correlation(
        [
            float(stats.pearsonr(column, accuracy).statistic) if varies else float("nan")
            for column, varies in zip(columns, varied, strict=True)
        ],
        [
            float(stats.spearmanr(column, accuracy).statistic) if varies else float("nan")
            for column, varies in zip(columns, varied, strict=True)
        ],
    )
