"""metrics.json of small made-up results, by our own measuring, for tests of tables and verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from eager.evaluation.answers.upstream import UpstreamGrade
from eager.evaluation.measure import metrics_of
from eager.evaluation.statistics.metrics import SequenceResult, majority_is_correct
from eager.evaluation.statistics.work import DecodingWork

CELL: dict[str, Any] = {
    "experiment": "e",
    "model": "m",
    "dataset": "d",
    "temperature": 0.6,
    "max_sequences": 4,
    "entropy_threshold": 1.0,
    "seed": 1,
}


def sequences(text: str, tokens: int = 10, upstream: int | None = None) -> list[SequenceResult]:
    """Sequences of a prompt, one letter each: an answer, `.` none; capital letters are right."""
    own = tokens if upstream is None else upstream
    return [
        SequenceResult(
            None if letter == "." else ord(letter), letter.isupper(), letter.isupper(), tokens, own
        )
        for letter in text
    ]


def metrics(
    method: str,
    prompts: Mapping[str, Sequence[SequenceResult]],
    counts: Sequence[dict[str, float]] = (),
) -> dict[str, Any]:
    """What metrics.json of the prompts' sequences holds.

    Args:
        method: the result's method.
        prompts: sequences by prompt.
        counts: of its generations, as in run.json.
    """
    own = {name: list(some) for name, some in prompts.items()}
    grades = {
        name: UpstreamGrade(
            any(s.correct for s in some),
            majority_is_correct(some),
            fmean(s.correct for s in some),
        )
        for name, some in own.items()
    }
    work = {
        name: DecodingWork(1, max(s.tokens for s in some), 100 * len(some), 50, 5)
        for name, some in own.items()
    }
    return metrics_of(method, own, grades, work, list(counts))
