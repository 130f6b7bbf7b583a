"""What every EAGer method saves and gains in its cell: the first thing on the page.

Intervals and p-values come from the tables, where they have them; none is made here.
"""

from __future__ import annotations

from html import escape

from eager.report.figures.style import style_of
from eager.report.page.html import PLACE, Row, is_number

Place = tuple[float | str, ...]


def headline(summary: list[Row], comparison: list[Row]) -> str:
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
    return "".join(
        _card(methods, {method: compared.get((place, method), {}) for method in methods})
        for place, methods in cells.items()
    )


def _place(row: Row) -> Place:
    """The cell of a row; 1 and 1.0 are the same."""
    return tuple(float(row[key]) if is_number(row[key]) else row[key] for key in PLACE)


def _card(methods: dict[str, Row], compared: dict[str, Row]) -> str:
    some = next(iter(methods.values()))
    label = (
        f"{some['model']} on {some['dataset']}, M {some['max_sequences']}, "
        f"θ {some['entropy_threshold']}, T {some['temperature']}, seed {some['seed']}"
    )
    parallel = methods.get("parallel")
    lines = [
        f"<li><strong>{escape(style_of(method).name)}</strong>: "
        f"{_against(row, parallel, compared[method])}</li>"
        for method, row in methods.items()
        if method != "parallel"
    ]
    prompts = int(some["prompts"])
    note = f"{prompts} prompts: one prompt is {1 / prompts:.3f} of Pass@k."
    if not any(_bounds(row, "pass_at_k") for row in methods.values()):
        note += " The tables hold no intervals, so none are shown."
    return f"<section><h3>{escape(label)}</h3><ul>{''.join(lines)}</ul><p>{note}</p></section>"


def _against(row: Row, parallel: Row | None, compared: Row) -> str:
    """One method against Full Parallel."""
    reached = f"Pass@k {float(row['pass_at_k']):.3f}{_interval(row, 'pass_at_k')}"
    if parallel is None or not row["tokens_relative"]:
        return f"{reached}; Full Parallel was not run, so there is nothing to compare with."
    saved = float(compared.get("tokens_saved") or 1 - float(row["tokens_relative"]))
    theirs = 1 - float(row["tokens_upstream_relative"])
    gain = float(row["pass_at_k"]) - float(parallel["pass_at_k"])
    chance = compared.get("pass_at_k_p_value")
    return (
        f"<b>{_fewer(saved)} tokens</b>{_saving_interval(compared, 'tokens_saved')} than Full "
        f"Parallel ({_fewer(theirs)} by the authors' count); {reached} against "
        f"{float(parallel['pass_at_k']):.3f} (<b>{_signed(gain)}</b>"
        f"{_interval(compared, 'pass_at_k_difference')}{_chance(chance)})."
    )


def _fewer(saved: float) -> str:
    return f"{abs(saved):.0%} {'more' if saved < 0 else 'fewer'}".replace("%", " %")


def _chance(value: str | None) -> str:
    return f", p = {float(value):.3f}" if value else ""


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "\N{MINUS SIGN}")


def _interval(row: Row, name: str) -> str:
    if not (bounds := _bounds(row, name)):
        return ""
    return " [{:.3f}, {:.3f}]".format(*bounds).replace("-", "\N{MINUS SIGN}")


def _saving_interval(row: Row, name: str) -> str:
    if not (bounds := _bounds(row, name)):
        return ""
    low, high = (
        f"{bound:.0%}".replace("%", " %").replace("-", "\N{MINUS SIGN}") for bound in bounds
    )
    return f" (saving: {low} to {high})"


def _bounds(row: Row, name: str) -> tuple[float, float] | None:
    """The interval that a table has for a figure."""
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    return (float(low), float(high)) if low and high else None
