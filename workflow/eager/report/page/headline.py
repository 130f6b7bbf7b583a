"""What every EAGer method saves and gains in its cell: the first thing on the page.

Intervals and p-values come from the tables, where they have them; none is made here.
"""

from __future__ import annotations

from dataclasses import dataclass

from eager.report.figures.style import style_of
from eager.report.page.parts import PLACE, Row, is_number

Place = tuple[float | str, ...]
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Against:
    """A method against Full Parallel, in words.

    Attributes:
        tokens: how many fewer or more, such as "29 % fewer".
        saving: their interval, or nothing.
        tokens_upstream: the same as `tokens` by the authors' count.
        reached: Full Parallel's Pass@k.
        gain: difference in Pass@k, with its sign.
        certainty: interval and p-value of the gain, or nothing.
    """

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
    """One cell."""

    label: str
    lines: list[Line]
    note: str


def headline(summary: list[Row], comparison: list[Row]) -> list[Card]:
    """A card per cell.

    Args:
        summary: rows of summary.csv.
        comparison: rows of comparison.csv (each method against Full Parallel, with intervals);
            may be empty.
    """
    cells: dict[Place, dict[str, Row]] = {}
    for row in summary:
        cells.setdefault(_place(row), {})[row["method"]] = row
    compared = {(_place(row), row["method"]): row for row in comparison}
    return [
        _card(methods, {method: compared.get((place, method), {}) for method in methods})
        for place, methods in cells.items()
    ]


def _place(row: Row) -> Place:
    """The cell of a row; 1 and 1.0 are the same."""
    return tuple(float(row[key]) if is_number(row[key]) else row[key] for key in PLACE)


def _card(methods: dict[str, Row], compared: dict[str, Row]) -> Card:
    some = next(iter(methods.values()))
    label = (
        f"{some['model']} on {some['dataset']}, M {some['max_sequences']}, "
        f"θ {some['entropy_threshold']}, T {some['temperature']}, seed {some['seed']}"
    )
    parallel = methods.get("parallel")
    lines = [
        Line(
            style_of(method).name,
            f"Pass@k {float(row['pass_at_k']):.3f}{_interval(row, 'pass_at_k')}",
            _against(row, parallel, compared[method]),
        )
        for method, row in methods.items()
        if method != "parallel"
    ]
    prompts = int(some["prompts"])
    note = f"{prompts} prompts: one prompt is {1 / prompts:.3f} of Pass@k."
    if not any(_bounds(row, "pass_at_k") for row in methods.values()):
        note += " The tables hold no intervals, so none are shown."
    return Card(label, lines, note)


def _against(row: Row, parallel: Row | None, compared: Row) -> Against | None:
    """One method against Full Parallel; None where that was not run."""
    if parallel is None or not row["tokens_relative"]:
        return None
    saved = float(compared.get("tokens_saved") or 1 - float(row["tokens_relative"]))
    chance = compared.get("pass_at_k_p_value")
    return Against(
        tokens=_fewer(saved),
        saving=_saving_interval(compared, "tokens_saved"),
        tokens_upstream=_fewer(1 - float(row["tokens_upstream_relative"])),
        reached=f"{float(parallel['pass_at_k']):.3f}",
        gain=_signed(float(row["pass_at_k"]) - float(parallel["pass_at_k"])),
        certainty=f"{_interval(compared, 'pass_at_k_difference')}{_chance(chance)}",
    )


def _fewer(saved: float) -> str:
    return f"{abs(saved):.0%} {'more' if saved < 0 else 'fewer'}".replace("%", " %")


def _chance(value: str | None) -> str:
    return f", p = {float(value):.3f}" if value else ""


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", MINUS)


def _interval(row: Row, name: str) -> str:
    if not (bounds := _bounds(row, name)):
        return ""
    return " [{:.3f}, {:.3f}]".format(*bounds).replace("-", MINUS)


def _saving_interval(row: Row, name: str) -> str:
    if not (bounds := _bounds(row, name)):
        return ""
    low, high = (f"{bound:.0%}".replace("%", " %").replace("-", MINUS) for bound in bounds)
    return f" (saving: {low} to {high})"


def _bounds(row: Row, name: str) -> tuple[float, float] | None:
    """The interval that a table has for a figure."""
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    return (float(low), float(high)) if low and high else None
