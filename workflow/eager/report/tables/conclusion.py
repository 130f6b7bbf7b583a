"""The verdict in words: what a method saves, and whether sampling less would have done as well.

Every sentence follows from columns of the comparison and the table of rivals by the rules below.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pandas as pd

from eager.evaluation.statistics.resampling import COVERAGE, SMALLEST_DIFFERENCE
from eager.report.figures.style import style_of
from eager.report.results import rule_label
from eager.report.tables.pairing import ALL
from eager.report.tables.rows import Row, is_pooled, records_of

SIGNIFICANCE = 0.05
FEW_PROMPTS = 100
"""Below it intervals are visibly too narrow."""
NAMES = {"pass_at_k": "Pass@k", "cons_at_max": "Cons@max"}
BESIDE = {
    "eager": ("pass_at_k", ("until_solved",)),
    "eager_adapt": ("cons_at_max", ("early_stopping", "adaptive_consistency")),
}
"""The rivals of a method, which know of the answers what it knows, and the figure they aim at."""
MINUS = "\N{MINUS SIGN}"
Cell = frozenset[tuple[str, Any]]


class Cost(StrEnum):
    """What a method does to the tokens of Full Parallel."""

    SAVES = "saves"
    COSTS = "costs"
    UNDECIDED = "undecided"


class Quality(StrEnum):
    """A method at equal tokens."""

    BETTER = "better"
    WORSE = "worse"
    UNDECIDED = "undecided"
    NOT_COMPARABLE = "not comparable"


@dataclass(frozen=True)
class Statement:
    """What is said of one row of the comparison.

    Attributes:
        place: which cells, and how many prompts.
        method: name of the method.
        cost: what it does to the tokens.
        quality: Pass@k at equal tokens.
        sentences: all of it in words.
        pooled: it is of several seeds or data sets.
    """

    place: str
    method: str
    cost: Cost
    quality: Quality
    sentences: list[str]
    pooled: bool


@dataclass(frozen=True)
class Conclusion:
    """The verdict on an experiment: a summary, a statement per row, and warnings."""

    summary: str
    statements: list[Statement]
    warnings: list[str]


def conclude(comparison: pd.DataFrame, rivals: pd.DataFrame) -> Conclusion:
    """Say what the comparison shows.

    Args:
        comparison: of `compare_with_baseline`; rows over several seeds or data sets come first.
        rivals: of `rivals_table`.
    """
    rows = records_of(comparison)
    rows.sort(key=is_pooled, reverse=True)
    cells = _by_cell(rivals)
    statements = [_statement(row, cells.get(_cell(row), {})) for row in rows]
    single = [row for row in rows if not is_pooled(row)]
    return Conclusion(_summary(single), statements, _warnings(single))


def markdown_of(conclusion: Conclusion) -> str:
    """The verdict as tables/conclusion.md."""
    lines = ["# Conclusion", "", conclusion.summary, ""]
    for statement in conclusion.statements:
        said = " ".join(statement.sentences)
        lines.append(f"- **{statement.method}** on {statement.place}: {said}")
    lines += ["", *(f"Note: {warning}\n" for warning in conclusion.warnings)]
    return "\n".join(lines).rstrip() + "\n"


def cost_of(row: Row) -> Cost:
    """Saves or costs tokens where the whole interval of the saving is on one side of 0."""
    if row.get("tokens_saved_low", 0) > 0:
        return Cost.SAVES
    return Cost.COSTS if row.get("tokens_saved_high", 0) < 0 else Cost.UNDECIDED


def quality_of(row: Row, quality: str) -> Quality:
    """Better or worse where p, adjusted for the number of comparisons, is below 0.05."""
    difference = row.get(f"{quality}_equal_tokens_difference")
    if difference is None:
        return Quality.NOT_COMPARABLE
    if row.get(f"{quality}_equal_tokens_holm_p_value", 1) >= SIGNIFICANCE:
        return Quality.UNDECIDED
    return Quality.BETTER if difference > 0 else Quality.WORSE


def at_equal_tokens(row: Row, quality: str = "pass_at_k") -> str:
    """The difference at equal tokens, such as +0.03 [-0.05, 0.11]; nothing where there is none."""
    return signed_with_bounds(row, f"{quality}_equal_tokens_difference")


def signed_with_bounds(row: Row, name: str) -> str:
    """A difference with its sign and interval; nothing where it is missing."""
    value, low, high = (row.get(f"{name}{end}") for end in ("", "_low", "_high"))
    if value is None:
        return ""
    bounds = "" if low is None or high is None else f" [{low:z.2f}, {high:z.2f}]"
    return f"{value:+z.2f}{bounds}".replace("-", MINUS)


def _statement(row: Row, rivals: Mapping[str, Row]) -> Statement:
    cost, quality = cost_of(row), quality_of(row, "pass_at_k")
    sentences = [_cost_in_words(row, cost)]
    if quality is Quality.NOT_COMPARABLE:
        sentences.append(_beyond_all_samples(row))
    else:
        samples = f"{row['equal_tokens_samples']:.1f}"
        clauses = [_quality_in_words(row, name) for name in NAMES]
        sentences.append(
            f"Against {samples} samples of Full Parallel, which cost as much: {'; '.join(clauses)}."
        )
    sentences += _rivals_in_words(row, rivals)
    return Statement(
        _place(row), style_of(row["method"]).name, cost, quality, sentences, is_pooled(row)
    )


def _cost_in_words(row: Row, cost: Cost) -> str:
    saved = row["tokens_saved"]
    share = f"{abs(saved):.0%}".replace("%", " %")
    direction = "more" if saved < 0 else "fewer"
    if cost is Cost.UNDECIDED:
        return f"Whether it saves tokens is undecided ({share} {direction}{_saving(row)})."
    verb = "Saves" if cost is Cost.SAVES else "Costs"
    more = " more" if cost is Cost.COSTS else ""
    return f"{verb} {share}{more} of Full Parallel's tokens{_saving(row, bare=True)}."


def _saving(row: Row, *, bare: bool = False) -> str:
    bounds = [row.get(f"tokens_saved_{end}") for end in ("low", "high")]
    if None in bounds:
        return ""
    low, high = (f"{100 * float(b):z.0f} %".replace("-", MINUS) for b in bounds if b is not None)
    return f" [{low}, {high}]" if bare else f", saving {low} to {high}"


def _beyond_all_samples(row: Row) -> str:
    """What is said where there are not enough samples to cost as much."""
    where = "On a data set it" if row["dataset"] == ALL else "It"
    measured = "; ".join(
        f"{name} {signed_with_bounds(row, f'{quality}_difference')}"
        for quality, name in NAMES.items()
    )
    return (
        f"{where} used more tokens than all of Full Parallel's samples, so there is nothing to "
        f"compare with at equal tokens. Against all samples: {measured}."
    )


def _quality_in_words(row: Row, quality: str) -> str:
    found = quality_of(row, quality)
    said = f"{NAMES[quality]} {at_equal_tokens(row, quality)}, {found}"
    if found is not Quality.UNDECIDED:
        return said
    raw = row.get(f"{quality}_equal_tokens_p_value")
    if raw is not None and raw < SIGNIFICANCE:
        adjusted = row[f"{quality}_equal_tokens_holm_p_value"]
        said += f" (p = {raw:.3f} alone, {adjusted:.3f} adjusted for the number of comparisons)"
    needed = row.get(f"{quality}_prompts_to_decide")
    if needed is None:
        return f"{said} (these prompts do not say how many would decide it)"
    small = abs(row[f"{quality}_equal_tokens_difference"]) < SMALLEST_DIFFERENCE
    size = f"{SMALLEST_DIFFERENCE:g}" if small else "this size"
    return f"{said} (about {needed:,.0f} prompts would decide a difference of {size})"


def _rivals_in_words(row: Row, here: Mapping[str, Row]) -> list[str]:
    """What the rivals of a method reach in its cell, of which it is given all rows."""
    if row["method"] not in BESIDE or row["method"] not in here:
        return []
    quality, names = BESIDE[row["method"]]
    clauses = [
        f"{style_of(name).name} {here[name][quality]:.3f} with "
        f"{here[name]['tokens_per_prompt']:,.0f} tokens in {here[name]['rounds']:.1f} rounds"
        for name in names
        if name in here
    ]
    own = here[row["method"]]
    said = (
        f"{NAMES[quality]} {own[quality]:.3f} with {own['tokens_per_prompt']:,.0f} tokens per "
        f"prompt; from Full Parallel's samples drawn in turn: {', '.join(clauses)}."
    )
    return [said]


def _by_cell(rivals: pd.DataFrame) -> dict[Cell, dict[str, Row]]:
    """Rows of the table of rivals by cell and method."""
    cells: dict[Cell, dict[str, Row]] = {}
    for row in records_of(rivals):
        cells.setdefault(_cell(row), {})[row["method"]] = row
    return cells


def _cell(row: Row) -> Cell:
    """The parameters of a row; one over seeds or data sets is like no row of a single cell."""
    names = list(row)
    return frozenset((name, row[name]) for name in names[: names.index("method")])


def _summary(rows: list[Row]) -> str:
    counts = {kind: sum(quality_of(row, "pass_at_k") is kind for row in rows) for kind in Quality}
    saving = {kind: sum(cost_of(row) is kind for row in rows) for kind in Cost}
    if not rows:
        return "There is nothing to compare: no method beside Full Parallel was measured."
    return (
        f"{len(rows)} comparison{'s' * (len(rows) != 1)} of a method with Full Parallel. Tokens: "
        f"{saving[Cost.SAVES]} save, {saving[Cost.COSTS]} cost more, "
        f"{saving[Cost.UNDECIDED]} undecided. Pass@k at equal tokens: "
        f"{counts[Quality.BETTER]} better, {counts[Quality.WORSE]} worse, "
        f"{counts[Quality.UNDECIDED]} undecided, {counts[Quality.NOT_COMPARABLE]} not comparable."
    )


def _warnings(rows: list[Row]) -> list[str]:
    told = []
    tested = sum(row.get("pass_at_k_equal_tokens_p_value") is not None for row in rows)
    if tested > 1:
        told.append(
            f"{tested} comparisons are made at equal tokens; p-values are adjusted for their "
            "number (Holm), and better or worse is said by the adjusted ones."
        )
    fewest = min((int(row["prompts"]) for row in rows), default=FEW_PROMPTS)
    if fewest < FEW_PROMPTS:
        held = " and ".join(f"{share:.1%} with {n} prompts" for n, share in COVERAGE.items())
        told.append(
            f"Results are of {fewest} prompts and more: intervals of few prompts are too narrow. "
            f"Of simulated comparisons without a difference 95 % intervals held 0 in {held}."
        )
    return [text.replace("%", " %").replace("  %", " %") for text in told]


def _place(row: Row) -> str:
    """The cell of a row in words, with its number of prompts."""
    every = {"dataset": "all data sets", "seed": "all seeds", "entropy_threshold": "each its own"}

    def said(name: str) -> str:
        value = row[name]
        if value == ALL:
            return every[name]
        return f"{value:g}" if isinstance(value, float) else f"{value}"

    seed = said("seed") if row["seed"] == ALL else f"seed {said('seed')}"
    prompts = int(row["prompts"])
    return (
        f"{said('dataset')} ({row['model']}, M {said('max_sequences')}, "
        f"θ {said('entropy_threshold')}, T {said('temperature')}, {seed}"
        f"{rule_label(row)}, "
        f"{prompts} prompt{'s' * (prompts != 1)})"
    )
