"""Each method against Full Parallel: the endpoint that decides, the secondary ones, and pairs.

Every figure over several seeds or data sets is of `evaluation.statistics.inference`; the verdicts
of a row follow from its columns by the rules below.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import numpy as np

from eager.evaluation.statistics.equal_compute import compare_at_equal_cost
from eager.evaluation.statistics.inference import (
    Estimate,
    Figure,
    Interval,
    detectable,
    estimate,
    exact_mcnemar,
    holm,
    mean,
    saving,
    seeds_to_detect,
)
from eager.report.results import ALL
from eager.report.tables.pairing import QUALITIES, Comparison, paired_result

ENDPOINT = "pass_at_k"
"""The quality whose difference at equal tokens decides; all others are secondary."""
SIGNIFICANCE = 0.05
WANTED = (0.03, 0.05, 0.1)
"""Differences for which the seeds are counted that would show them."""
USES_RIGHT_ANSWERS = frozenset({"eager", "until_solved", "until_solved_shared"})
Row = Mapping[str, Any]


class Tokens(StrEnum):
    """What a method does to the tokens of Full Parallel."""

    FEWER = "fewer"
    MORE = "more"
    UNDECIDED = "undecided"


class Verdict(StrEnum):
    """A method against Full Parallel with the same tokens."""

    BETTER = "better"
    WORSE = "worse"
    UNDECIDED = "undecided"
    DOMINATED = "dominated"
    DOMINATED_HERE = "dominated here"
    NOT_COMPARABLE = "not comparable"


def compare_with_baseline(rows: Sequence[Comparison]) -> list[dict[str, Any]]:
    """The endpoint of every row: Pass@k at equal tokens, with what is saved and the verdict.

    p-values are adjusted by Holm for the number of cells and methods; rows over several data sets
    repeat what these say, and have neither an adjusted p-value nor a verdict.
    """
    table = [{**row.cell, "method": row.method, **_columns(row)} for row in rows]
    tested = [row for row in table if row.get("dataset") != ALL]
    for row, p_value in zip(tested, holm([row["p_value"] for row in tested]), strict=True):
        row["holm_p_value"] = p_value
        row["verdict"] = str(verdict_of(row))
    return table


def secondary_endpoints(rows: Sequence[Comparison]) -> list[dict[str, Any]]:
    """Differences from all samples of Full Parallel, and of other qualities at equal tokens."""
    table = []
    for row in rows:
        figures: dict[str, Any] = {}
        for quality in ("cons_at_max", "pass_rate"):
            figures |= with_p_value(f"{quality}_difference", measured(row, quality))
        for quality in QUALITIES:
            if quality != ENDPOINT:
                found = compare_at_equal_cost(
                    [paired_result(*pair, quality) for pair in row.strata]
                )
                name = f"{quality}_equal_tokens_difference"
                figures |= with_p_value(name, found and found.difference)
        table.append({**row.cell, "method": row.method, "prompts": row.prompts, **figures})
    return table


def compare_pairs(rows: Iterable[Comparison]) -> list[dict[str, Any]]:
    """Measured differences of two methods, or of a method and a rival, on the same prompts."""
    table = []
    for row in rows:
        figures = {"against": row.strata[0][1].method, "prompts": row.prompts}
        for quality in (ENDPOINT, "cons_at_max"):
            figures |= with_p_value(f"{quality}_difference", measured(row, quality))
        figures |= with_estimate("tokens_saved", saved(row, "tokens"))
        table.append({**row.cell, "method": row.method, **figures})
    return table


def measured(row: Comparison, quality: str) -> Estimate:
    """The first method's value minus the other's, as measured.

    With one flag per prompt, as of one seed, the p-value is McNemar's, exact.
    """
    found = estimate(_differences(row, quality))
    if len(row.strata) > 1 or row.seeds > 1:
        return found
    one, other = (method.values(QUALITIES[quality])[:, 0] for method in row.strata[0])
    if not np.isin([one, other], (0, 1)).all():
        return found
    return found._replace(p_value=exact_mcnemar(one > 0, other > 0))


def saved(row: Comparison, cost: str) -> Estimate:
    """Share of the other's tokens that the first method does without."""
    return estimate([saving(one.values(cost), other.values(cost)) for one, other in row.strata])


def tokens_of(row: Row) -> Tokens:
    """Fewer or more where the whole interval of the saving is on one side of 0."""
    if (row.get("tokens_saved_low") or 0) > 0:
        return Tokens.FEWER
    return Tokens.MORE if (row.get("tokens_saved_high") or 0) < 0 else Tokens.UNDECIDED


def verdict_of(row: Row) -> Verdict:
    """Said where p, adjusted for the number of comparisons, is below 0.05.

    A method that used more tokens than all samples is compared with all of them, which favours it:
    if it still solves less it is dominated, or at least here, on these prompts, where that may be
    chance; if it solves as much or more the two are not comparable.
    """
    certain = row["holm_p_value"] is not None and row["holm_p_value"] < SIGNIFICANCE
    difference = row["pass_at_k_equal_tokens_difference"]
    if difference is None:
        if row["pass_at_k_difference"] >= 0:
            return Verdict.NOT_COMPARABLE
        return Verdict.DOMINATED if certain else Verdict.DOMINATED_HERE
    if not certain:
        return Verdict.UNDECIDED
    return Verdict.BETTER if difference > 0 else Verdict.WORSE


def identity(row: Row) -> tuple[Any, ...]:
    """The parameters and the method of a row, which stand first in it."""
    names = list(row)
    return tuple(row[name] for name in names[: names.index("method") + 1])


def with_estimate(name: str, found: Estimate | None) -> dict[str, Any]:
    """A figure and its bounds as columns; None: empty columns."""
    return with_bounds(name, found and found.value, found and found.interval)


def with_p_value(name: str, found: Estimate | None) -> dict[str, Any]:
    """A figure as of `with_estimate`, and its p-value."""
    p_value = f"{name.removesuffix('_difference')}_p_value"
    return {**with_estimate(name, found), p_value: found and found.p_value}


def with_bounds(
    name: str, value: float | None, interval: Interval | Sequence[float] | None
) -> dict[str, Any]:
    """A figure and its bounds as three columns; no interval: empty bounds."""
    low, high = interval or (None, None)
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def _differences(row: Comparison, quality: str) -> list[Figure]:
    name = QUALITIES[quality]
    return [mean(method.values(name) - other.values(name)) for method, other in row.strata]


def _columns(row: Comparison) -> dict[str, Any]:
    own, upstream = saved(row, "tokens"), saved(row, "tokens_upstream")
    equal = compare_at_equal_cost([paired_result(*pair, ENDPOINT) for pair in row.strata])
    whole = measured(row, ENDPOINT)
    decides = equal.difference if equal else whole
    columns: dict[str, Any] = {
        "prompts": row.prompts,
        "seeds": row.seeds,
        "uses_right_answers": row.method in USES_RIGHT_ANSWERS,
        **with_estimate("tokens_saved", own),
        **with_estimate("tokens_upstream_saved", upstream),
        "saved_by_the_unit": upstream.value - own.value,
        "equal_tokens_samples": equal and equal.samples,
        "pass_at_k_at_equal_tokens": equal and equal.baseline,
        **with_estimate("pass_at_k_equal_tokens_difference", equal and equal.difference),
        **with_estimate("pass_at_k_difference", whole),
        "p_value": decides.p_value,
        "holm_p_value": None,
        "detectable_difference": detectable(decides),
    }
    figures = equal.figures if equal else _differences(row, ENDPOINT)
    columns |= {f"seeds_for_{d:g}": seeds_to_detect(figures, d) for d in WANTED}
    return {**columns, "tokens": str(tokens_of(columns)), "verdict": None}
