"""Forest plot: the difference from Full Parallel at equal tokens, a row per cell and method."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eager.report.figures.facts import Published, ResultData
from eager.report.figures.style import (
    GREY,
    new_figure,
    save,
    style,
    style_of,
    write_heading,
    write_note,
)
from eager.report.tables.comparison import compare_with_baseline
from eager.report.tables.conclusion import at_equal_tokens
from eager.report.tables.pairing import ALL
from eager.report.tables.rows import Row, is_pooled, records_of

QUALITIES = {"pass_at_k": "Pass@k", "cons_at_max": "Cons@max"}
PARAMETERS = {
    "model": "",
    "dataset": "",
    "max_sequences": "M ",
    "entropy_threshold": "θ ",
    "temperature": "T ",
    "seed": "seed ",
    "rule": "rule ",
}
MOST_ROWS = 72
"""Rows that people can still read in a figure; the table has all."""


def equal_tokens(facts: list[ResultData], published: list[Published]) -> tuple[Figure, str]:  # noqa: ARG001
    """The forest plot of the cells of one model and data set."""
    return forest([(fact.cell, fact.method, fact.metrics) for fact in facts])


def draw_forest(comparison: pd.DataFrame, folder: Path, stem: str) -> None:
    """Draw the forest plot of a whole experiment.

    Of more than `MOST_ROWS` rows those over seeds and data sets are shown, then the first others.

    Args:
        comparison: of `compare_with_baseline`.
        folder: where the files go.
        stem: their name without its end.
    """
    rows = records_of(comparison)
    chosen = sorted(sorted(range(len(rows)), key=lambda n: not is_pooled(rows[n]))[:MOST_ROWS])
    left_out = f" ({len(chosen)} of {len(rows)} rows)" if len(chosen) < len(rows) else ""
    heading = f"Difference from Full Parallel at equal tokens{left_out}"
    with style():
        figure, description = _forest([rows[n] for n in chosen])
        write_heading(figure, heading)
        save(figure, folder, stem, heading, description)


def forest(results: Sequence[tuple[Any, str, Any]]) -> tuple[Figure, str]:
    """The forest plot of results: cell, method and metrics of each."""
    return _forest(records_of(compare_with_baseline(results)))


def _forest(rows: list[Row]) -> tuple[Figure, str]:
    figure = new_figure(columns=2, height=1.3 + 0.24 * max(len(rows), 2))
    if not rows:
        for axes in figure.axes:
            write_note(axes, "no method beside Full Parallel")
        return figure, "There is no method beside Full Parallel."
    labels = _labels(rows)
    told = []
    for axes, (quality, name) in zip(figure.axes, QUALITIES.items(), strict=True):
        for place, row in enumerate(reversed(rows)):
            _draw_row(axes, place, row, quality)
        axes.axvline(0, color="black", linewidth=0.8, zorder=1)
        axes.set_title(name)
        axes.set_xlabel("difference (right: better)")
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.grid(visible=False, axis="y")
        axes.set_yticks(range(len(rows)), labels[::-1] if axes is figure.axes[0] else [])
        told += [
            f"{label}, {name}: {at_equal_tokens(row, quality) or 'more tokens than all samples'}"
            for label, row in zip(labels, rows, strict=True)
        ]
    widest = max(max(map(abs, axes.get_xlim())) for axes in figure.axes)
    for axes in figure.axes:
        axes.set_xlim(-widest, widest)
    return figure, f"{'; '.join(told)}."


def _draw_row(axes: Axes, place: int, row: Row, quality: str) -> None:
    name = f"{quality}_equal_tokens_difference"
    look = style_of(row["method"])
    if name not in row:
        text = "more tokens than M samples"
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        axes.text(
            0,
            place,
            text,
            ha="center",
            va="center",
            fontsize=7,
            color=GREY,
            bbox=box,
        )
        return
    pooled = is_pooled(row)
    if f"{name}_low" in row:
        bounds = [row[f"{name}_low"], row[f"{name}_high"]]
        axes.plot(bounds, [place, place], "-", color=look.color, linewidth=2.4 if pooled else 1.2)
    axes.plot([row[name]], [place], look.marker, color=look.color, markersize=8 if pooled else 5)


def _labels(rows: list[Row]) -> list[str]:
    """Method of each row, with the parameters that vary between rows."""
    varying = [name for name in PARAMETERS if len({str(row.get(name)) for row in rows}) > 1]
    return [
        ", ".join([style_of(row["method"]).name, *(_said(name, row.get(name)) for name in varying)])
        for row in rows
    ]


def _said(name: str, value: Any) -> str:
    if value == ALL:
        return {"dataset": "all data sets", "seed": "all seeds"}.get(name, "θ of each")
    return (
        f"{PARAMETERS[name]}{value:g}" if isinstance(value, float) else f"{PARAMETERS[name]}{value}"
    )
