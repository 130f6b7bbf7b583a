"""What the figures show, read from the results of cells: counts, branches, peaks of entropy."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from eager.config.experiment import Target
from eager.config.settings import Method, is_first_round
from eager.report.results import ALL, read_prompts, read_verdicts, verdict_of
from eager.report.tables.pairing import BASELINE
from eager.report.tables.published import PublishedFigures, read_published
from eager.report.tables.stored import Tables
from eager.util.errors import EagerError
from eager.util.files import read_json
from eager.util.tables import read_table

PERCENTILES = (50.0, 60.0, 70.0, 80.0, 90.0, 95.0, 97.5, 99.0, 99.5, 99.9)
"""Of recorded entropies: from the middle to the peaks."""


@dataclass(frozen=True)
class PromptData:
    """One prompt in one result."""

    prompt_id: str
    initial: int
    extra: int
    right: int


Peaks = list[tuple[NDArray[np.float64], float]]
"""Of each item its recorded entropies at `PERCENTILES` in nats, and how right it is."""


@dataclass(frozen=True)
class ResultData:
    """One method in one cell.

    Attributes:
        target: the result.
        metrics: metrics.json.
        prompts: in the order of the data set.
        branches: columns of branches.parquet, of this method's own rounds.
        sequence_peaks: an item per sequence with recorded entropies; only for EAGer-init.
        prompt_peaks: an item per prompt; accuracy is its share of right sequences.
        rivals: what rivals get out of the samples of Full Parallel; rows of their table.
    """

    target: Target
    metrics: dict[str, Any]
    prompts: list[PromptData]
    branches: dict[str, list[Any]]
    sequence_peaks: Peaks
    prompt_peaks: Peaks
    rivals: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def cell(self) -> dict[str, Any]:
        """Its place."""
        return self.target.cell

    @property
    def method(self) -> Method:
        """Its method."""
        return self.target.method

    @property
    def tokens_per_prompt(self) -> float:
        """True tokens."""
        return float(self.metrics["tokens"] / self.metrics["prompts"])

    @property
    def tokens_upstream_per_prompt(self) -> float:
        """The authors' count."""
        return float(self.metrics["tokens_upstream"] / self.metrics["prompts"])


def read_plot_data(targets: list[Target], made: Tables) -> list[ResultData]:
    """Facts of every result, in the order given.

    Args:
        targets: the results.
        made: the tables of their experiment, which have the rivals.

    Raises:
        EagerError: there is none, or a file of a result is missing or of another version.
    """
    if not targets:
        raise EagerError("no cells to draw; give at least one row in the experiment's TSV")
    rows = made.rows("rivals")
    return [_result(target, rows) for target in targets]


def published_points(path: Path | None, model: str, dataset: str) -> list[PublishedFigures]:
    """What is published of a model and data set and can be drawn; none if there is no file.

    Raises:
        EagerError: the file is missing or has mistakes.
    """
    return [
        fact
        for fact in (read_published(path) if path else [])
        if (fact.model, fact.dataset) == (model, dataset)
        and fact.pass_at_k is not None
        and fact.tokens_per_prompt is not None
    ]


def _result(target: Target, rivals: list[dict[str, Any]]) -> ResultData:
    verdicts = read_verdicts(target)
    with_entropies = is_first_round(target.method)
    prompts: list[PromptData] = []
    peaks: Peaks = []
    prompt_peaks: Peaks = []
    arrays = ("entropies",) if with_entropies else ()
    for prompt_id, rows in read_prompts(target, arrays):
        right = [
            bool(verdict_of(verdicts, prompt_id, row.index, target.folder)["correct"])
            for row in rows
        ]
        initial = sum(row.round == 0 for row in rows)
        prompts.append(PromptData(prompt_id, initial, len(rows) - initial, sum(right)))
        recorded = [
            row.entropies[~np.isnan(row.entropies)] for row in rows if row.entropies is not None
        ]
        peaks += [
            (np.percentile(values, PERCENTILES), float(flag))
            for values, flag in zip(recorded, right, strict=False)
            if values.size
        ]
        if recorded and (together := np.concatenate(recorded)).size:
            prompt_peaks.append((np.percentile(together, PERCENTILES), sum(right) / len(right)))
    metrics = read_json(Path(target.metrics))
    return ResultData(
        target,
        metrics,
        prompts,
        read_table(target.file("branches.parquet"), "branches").to_pydict(),
        peaks,
        prompt_peaks,
        _rivals(target.cell, rivals) if target.method == BASELINE else {},
    )


def _rivals(cell: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The rivals of a result of Full Parallel, over all of its seeds."""
    names = ("model", "dataset", "temperature", "max_sequences")
    return {
        row["method"]: row
        for row in rows
        if all(row[name] == cell[name] for name in names) and row["seed"] in (cell["seed"], ALL)
    }


FEWEST = 3
"""Two items always lie on a line; a coefficient says something from three on."""


@dataclass(frozen=True)
class Correlation:
    """Coefficients per percentile of `PERCENTILES` (NaN where entropies do not vary).

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
    accuracy = np.array([right for _, right in peaks])
    if len(accuracy) < FEWEST:
        return Correlation([], [], f"{len(accuracy)} with recorded entropies")
    if np.all(accuracy == accuracy[0]):
        kind = {1.0: "all right", 0.0: "all wrong"}.get(float(accuracy[0]), "all alike")
        return Correlation([], [], kind)
    columns = np.array([percentiles for percentiles, _ in peaks]).T
    pearson, spearman = (
        [
            float("nan") if np.all(column == column[0]) else float(of(column, accuracy).statistic)
            for column in columns
        ]
        for of in (stats.pearsonr, stats.spearmanr)
    )
    return Correlation(pearson, spearman)
