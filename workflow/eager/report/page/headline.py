"""What every EAGer method saves and gains in its cell: the first thing on the page.

Intervals and p-values come from the tables, where they have them; none is made here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from eager.report.figures.style import style_of
from eager.report.results import rule_label
from eager.report.tables.conclusion import at_equal_tokens
from eager.report.tables.rendering import format_bounds, format_value, format_with_bounds
from eager.report.tables.rows import Row, records_of

PLACE = ("model", "dataset", "temperature", "max_sequences", "entropy_threshold", "seed", "rule")
"""Columns that say which cell a row is about; `rule` is there if one of the cells chooses it."""
MINUS = "\N{MINUS SIGN}"
Place = tuple[Any, ...]


@dataclass(frozen=True)
class Against:
    """A method against Full Parallel, in words.

    Attributes:
        equal_tokens: difference in Pass@k from as many samples as cost the same, with its interval.
        tokens: how many fewer or more, such as "29 % fewer".
        saving: their interval, or nothing.
        tokens_upstream: the same as `tokens` by the authors' count.
        reached: Full Parallel's Pass@k.
        gain: difference in Pass@k, with its sign.
        certainty: interval and p-value of the gain, or nothing.
    """

    equal_tokens: str
    tokens: str
    saving: str
    tokens_upstream: str
    reached: str
    gain: str
    certainty: str


@dataclass(frozen=True)
class Line:
    """One method of a cell; `reached` is its Pass@k."""

    method: str
    reached: str
    against: Against | None


@dataclass(frozen=True)
class Card:
    """One cell; `rivals` says what stopping early gets out of Full Parallel's samples."""

    label: str
    lines: list[Line]
    rivals: list[str]
    note: str


def headline(summary: pd.DataFrame, comparison: pd.DataFrame, rivals: pd.DataFrame) -> list[Card]:
    """A card per cell.

    Args:
        summary: a row per cell and method.
        comparison: a row per cell and method but Full Parallel, against that; may be empty.
        rivals: a row per cell and method or rival; may be empty.
    """
    cells: dict[Place, dict[str, Row]] = {}
    for row in records_of(summary):
        cells.setdefault(_place(row), {})[row["method"]] = row
    compared = {(_place(row), row["method"]): row for row in records_of(comparison)}
    derived: dict[Place, list[Row]] = {}
    for row in records_of(rivals):
        if row["derived"]:
            derived.setdefault(_place(row), []).append(row)
    return [
        _card(
            methods,
            {method: compared.get((place, method), {}) for method in methods},
            derived.get(place, []),
        )
        for place, methods in cells.items()
    ]


def _place(row: Row) -> Place:
    return tuple(row.get(key) for key in PLACE)


def _card(methods: dict[str, Row], compared: dict[str, Row], derived: list[Row]) -> Card:
    some = next(iter(methods.values()))
    label = (
        f"{some['model']} on {some['dataset']}, M {some['max_sequences']}, "
        f"θ {some['entropy_threshold']:g}, T {some['temperature']:g}, seed {some['seed']}"
        f"{rule_label(some)}"
    )
    parallel = methods.get("parallel")
    lines = [
        Line(style_of(method).name, _reached(row), _against(row, parallel, compared[method]))
        for method, row in methods.items()
        if method != "parallel"
    ]
    return Card(label, lines, _rivals(derived), _note(int(some["prompts"]), methods))


def _rivals(derived: list[Row]) -> list[str]:
    return [
        f"{style_of(row['method']).name}: Pass@k {format_value('pass_at_k', row['pass_at_k'])}, "
        f"Cons@max {format_value('cons_at_max', row['cons_at_max'])} with "
        f"{format_value('tokens_per_prompt', row['tokens_per_prompt'])} tokens per prompt in "
        f"{format_value('rounds', row['rounds'])} rounds"
        for row in derived
    ]


def _note(prompts: int, methods: dict[str, Row]) -> str:
    if not prompts:
        return "No prompts."
    weight = format_value("pass_at_k", 1 / prompts)
    note = f"{prompts} prompts: one prompt is {weight} of Pass@k."
    if not any(format_bounds(row, "pass_at_k") for row in methods.values()):
        note += " The tables hold no intervals, so none are shown."
    return note


def _reached(row: Row) -> str:
    if "pass_at_k" not in row:
        return "no Pass@k"
    return f"Pass@k {format_with_bounds(row, 'pass_at_k')}"


def _against(row: Row, parallel: Row | None, compared: Row) -> Against | None:
    """One method against Full Parallel; None where that was not run or used no tokens."""
    if parallel is None or "tokens_relative" not in row:
        return None
    gain = row["pass_at_k"] - parallel["pass_at_k"]
    return Against(
        equal_tokens=_equal_tokens(compared),
        tokens=_fewer(compared.get("tokens_saved", 1 - row["tokens_relative"])),
        saving=_saving_bounds(compared),
        tokens_upstream=_fewer(1 - row["tokens_upstream_relative"]),
        reached=format_value("pass_at_k", parallel["pass_at_k"]),
        gain=_signed(format_value("pass_at_k", gain)),
        certainty=_certainty(compared),
    )


def _equal_tokens(compared: Row) -> str:
    difference = at_equal_tokens(compared)
    return (
        f"Pass@k {difference}"
        if difference
        else "not comparable, it used more tokens than all samples"
    )


def _fewer(saved: float) -> str:
    return f"{_percent(abs(saved))} {'more' if saved < 0 else 'fewer'}"


def _percent(share: float) -> str:
    return f"{100 * share:z.0f} %".replace("-", MINUS)


def _saving_bounds(compared: Row) -> str:
    if "tokens_saved_low" not in compared:
        return ""
    low, high = (_percent(compared[f"tokens_saved_{end}"]) for end in ("low", "high"))
    return f" (saving: {low} to {high})"


def _signed(number: str) -> str:
    return number.replace("-", MINUS) if number.startswith("-") else f"+{number}"


def _certainty(compared: Row) -> str:
    bounds = format_bounds(compared, "pass_at_k_difference").replace("-", MINUS)
    p_value = format_value("pass_at_k_p_value", compared.get("pass_at_k_p_value"))
    return (f" {bounds}" if bounds else "") + (f", p = {p_value}" if p_value else "")
