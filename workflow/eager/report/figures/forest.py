"""Forest plot: the difference from Full Parallel at equal tokens, a row per cell and method."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eager.report.figures.names import FOREST, TITLES
from eager.report.figures.style import (
    GREY,
    new_figure,
    save,
    style,
    style_of,
    write_heading,
    write_note,
)
from eager.report.results import ALL, PARAMETERS, cell_label
from eager.report.tables.comparison import Row
from eager.report.tables.rendering import format_with_bounds
from eager.report.tables.stored import Tables

QUALITIES = {"pass_at_k": "Pass@k", "cons_at_max": "Cons@max"}
MOST_ROWS = 72
"""Rows that people can still read in a figure; the table has all."""


def forest_rows(made: Tables, model: str | None = None, dataset: str | None = None) -> list[Row]:
    """The rows of a forest plot: all differences at equal tokens, or those of a data set."""
    both = zip(made.rows("comparison"), made.rows("secondary"), strict=True)
    return [
        {**first, **second}
        for first, second in both
        if model in (None, first["model"]) and dataset in (None, first["dataset"])
    ]


def draw_forest(rows: list[Row], folder: Path, stem: str, where: str = "") -> None:
    """Draw a forest plot.

    Of more than `MOST_ROWS` rows those over data sets are shown, then the first others.

    Args:
        rows: of `forest_rows`.
        folder: where the files go.
        stem: their name without its end.
        where: what the title says besides.
    """
    chosen = sorted(sorted(range(len(rows)), key=lambda n: rows[n]["dataset"] != ALL)[:MOST_ROWS])
    left_out = f" ({len(chosen)} of {len(rows)} rows)" if len(chosen) < len(rows) else ""
    heading = f"{TITLES[FOREST]}{where}{left_out}"
    with style():
        figure, description = forest([rows[n] for n in chosen])
        write_heading(figure, heading)
        save(figure, folder, stem, heading, description)


def forest(rows: list[Row]) -> tuple[Figure, str]:
    """The forest plot of rows."""
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
            f"{label}, {name}: {_in_words(row, quality)}"
            for label, row in zip(labels, rows, strict=True)
        ]
    widest = max(max(map(abs, axes.get_xlim())) for axes in figure.axes)
    for axes in figure.axes:
        axes.set_xlim(-widest, widest)
    return figure, f"{'; '.join(told)}."


def _draw_row(axes: Axes, place: int, row: Row, quality: str) -> None:
    name = f"{quality}_equal_tokens_difference"
    look = style_of(row["method"])
    if row[name] is None:
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
    pooled = row["dataset"] == ALL
    if row[f"{name}_low"] is not None:
        bounds = [row[f"{name}_low"], row[f"{name}_high"]]
        axes.plot(bounds, [place, place], "-", color=look.color, linewidth=2.4 if pooled else 1.2)
    axes.plot([row[name]], [place], look.marker, color=look.color, markersize=8 if pooled else 5)


def _in_words(row: Row, quality: str) -> str:
    name = f"{quality}_equal_tokens_difference"
    return format_with_bounds(row, name) or "more tokens than all samples"


def _labels(rows: list[Row]) -> list[str]:
    """Method of each row, with the parameters that vary between rows."""
    varying = [name for name in PARAMETERS if len({str(row.get(name)) for row in rows}) > 1]
    names = [(style_of(row["method"]).name, cell_label(row, varying)) for row in rows]
    return [", ".join(filter(None, (name, label.lstrip(", ")))) for name, label in names]
