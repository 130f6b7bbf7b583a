"""The figures of one model and data set, as SVG and PNG; each describes itself in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from eager.config.experiment import Target
from eager.config.settings import BUDGET_METHODS, is_first_round
from eager.report.figures.branch_tokens import branch_tokens
from eager.report.figures.cost import cons_at_max, pass_at_k
from eager.report.figures.facts import (
    PERCENTILES,
    Correlation,
    ResultData,
    correlate,
    published_points,
    read_plot_data,
)
from eager.report.figures.forest import draw_forest, forest_rows
from eager.report.figures.names import FOREST, TITLES
from eager.report.figures.style import (
    GREY,
    method_handles,
    new_figure,
    save,
    style,
    style_of,
    write_heading,
    write_note,
)
from eager.report.results import by_cell, cell_label
from eager.report.tables.published import PublishedFigures
from eager.report.tables.stored import Tables

BINS = 30
MANY_POINTS = 2000
"""More marks than this are drawn as pixels inside the SVG, which would be slow to open."""
MOST_CELLS = 24
"""Cells that a figure shows, most of them in a panel each; tables have all."""


def draw_figures(
    targets: list[Target], made: Tables, published_path: Path | None, folder: Path
) -> None:
    """Draw all figures of the cells of one model and data set.

    Args:
        targets: all of one model and data set; the first `MOST_CELLS` cells are shown.
        made: the tables of their experiment.
        published_path: CSV of published figures, or None.
        folder: where the files go, one per model and data set.
    """
    cells = by_cell(targets)
    facts = read_plot_data([target for cell in cells[:MOST_CELLS] for target in cell], made)
    where = facts[0].cell
    published = published_points(published_path, where["model"], where["dataset"])
    left_out = f" (first {MOST_CELLS} of {len(cells)} cells)" if len(cells) > MOST_CELLS else ""
    for name in FIGURES:
        draw_figure(name, facts, published, folder, left_out)
    model, dataset = where["model"], where["dataset"]
    draw_forest(forest_rows(made, model, dataset), folder, FOREST, f": {model} on {dataset}")


def draw_figure(
    name: str,
    facts: list[ResultData],
    published: list[PublishedFigures],
    folder: Path,
    note: str = "",
) -> None:
    """Draw one figure.

    Args:
        name: of the figure.
        facts: all of one model and data set.
        published: points to overlay.
        folder: where the files go.
        note: what the title says besides.
    """
    where = facts[0].cell
    heading = f"{TITLES[name]}: {where['model']} on {where['dataset']}{note}"
    with style():
        figure, description = FIGURES[name](facts, published)
        write_heading(figure, heading)
        save(figure, folder, name, heading, description)


def tokens(facts: list[ResultData], published: list[PublishedFigures]) -> tuple[Figure, str]:
    """Tokens per method in both counts, a row per cell."""
    groups = _by_cell(facts)
    figure = new_figure(rows=len(groups), height=1.0 + 0.28 * max(map(len, groups.values())))
    told = []
    for axes, (label, group) in zip(figure.axes, groups.items(), strict=True):
        places = np.arange(len(group))[::-1]
        for offset, key, hatch in ((0.19, "tokens", ""), (-0.19, "tokens_upstream", "////")):
            values = [fact.metrics[key] / fact.metrics["prompts"] for fact in group]
            colors = [style_of(fact.method).color for fact in group]
            bars = axes.barh(
                places + offset,
                values,
                height=0.36,
                color="white" if hatch else colors,
                edgecolor=colors,
                hatch=hatch,
            )
            axes.bar_label(bars, fmt="{:,.0f}", padding=3, fontsize=7)
        axes.set_yticks(places, [style_of(fact.method).name for fact in group])
        axes.grid(visible=False, axis="y")
        axes.margins(x=0.12)
        axes.set_title(label)
        axes.xaxis.set_major_formatter("{x:,.0f}")
        told += [
            f"{label}, {style_of(fact.method).name}: {fact.tokens_per_prompt:,.0f} tokens per "
            f"prompt, {fact.tokens_upstream_per_prompt:,.0f} by the authors' count"
            for fact in group
        ]
    figure.axes[-1].set_xlabel("tokens per prompt")
    handles = [
        Patch(facecolor=GREY, edgecolor=GREY, label="true tokens"),
        Patch(facecolor="white", edgecolor=GREY, hatch="////", label="authors' count"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure, "; ".join(told) + "."


def branches(facts: list[ResultData], published: list[PublishedFigures]) -> tuple[Figure, str]:
    """Where branches happen: how many along the answer, and entropy against the threshold."""
    groups = {
        label: [fact for fact in group if fact.method != "parallel"]
        for label, group in _by_cell(facts).items()
    }
    figure = new_figure(rows=len(groups), columns=2, height=2.9)
    told = []
    for row, (label, group) in enumerate(groups.items()):
        counts, marks = figure.axes[2 * row : 2 * row + 2]
        longest = max((max(f.branches["position"], default=0) for f in group), default=0)
        edges = np.arange(0, longest + 1 + (width := longest // BINS + 1), width)
        for fact in group:
            position = fact.branches["position"]
            told.append(f"{label}, {style_of(fact.method).name}: {_branches_in_words(position)}")
            if position:
                _draw_branches(counts, marks, fact, edges)
        if longest == 0 and not any(fact.branches["position"] for fact in group):
            write_note(counts, "no branches")
            write_note(marks, "no branches")
        counts.set(title=label, xlabel="position in the answer (tokens)", ylabel="branches")
        counts.yaxis.set_major_locator(MaxNLocator(integer=True))
        marks.set(xlabel="position in the answer (tokens)", ylabel="entropy (nats)")
        marks.set_ylim(bottom=0)
    handles = method_handles({fact.method for group in groups.values() for fact in group})
    handles.append(Line2D([], [], color=GREY, marker="_", linestyle="", label="threshold then"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure, "; ".join(told) + "."


def sequences(facts: list[ResultData], published: list[PublishedFigures]) -> tuple[Figure, str]:
    """Sequences per prompt, and who got the saved budget."""
    groups = _by_cell(facts)
    shown = [
        (label, fact)
        for label, group in groups.items()
        for fact in (
            [fact for fact in group if fact.method in BUDGET_METHODS]
            or [fact for fact in group if is_first_round(fact.method)]
            or group[:1]
        )
    ]
    figure = new_figure(rows=len(shown), height=2.1)
    told = []
    for axes, (label, fact) in zip(figure.axes, shown, strict=True):
        look = style_of(fact.method)
        order = sorted(fact.prompts, key=lambda prompt: (prompt.initial, prompt.extra))
        places = np.arange(len(order))
        initial = np.array([prompt.initial for prompt in order])
        extra = np.array([prompt.extra for prompt in order])
        axes.bar(places, initial, color="#bbbbbb", edgecolor="none", width=0.85)
        given = extra > 0
        axes.bar(
            places[given],
            extra[given],
            bottom=initial[given],
            color="white",
            edgecolor=look.color,
            hatch="////",
            width=0.85,
        )
        axes.axhline(fact.cell["max_sequences"], color="black", linewidth=0.8, linestyle="--")
        wrong = [place for place, prompt in enumerate(order) if not prompt.right]
        if wrong:
            axes.plot(wrong, [0] * len(wrong), "x", color="black", markersize=4, clip_on=False)
        axes.set(title=f"{look.name}, {label}", ylabel="sequences", xticks=[])
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(visible=False, axis="x")
        told.append(
            f"{look.name}, {label}: {initial.sum()} sequences of the first round and {extra.sum()} "
            f"more, which went to {given.sum()} of {len(order)} prompts; "
            f"{len(wrong)} without a right one"
        )
    figure.axes[-1].set_xlabel("prompts, by sequences of the first round")
    handles = [
        Patch(facecolor="#bbbbbb", label="first round"),
        Patch(facecolor="white", edgecolor=GREY, hatch="////", label="saved budget"),
        Line2D([], [], color="black", linestyle="--", linewidth=0.8, label="cap M"),
        Line2D([], [], color="black", marker="x", linestyle="", label="no right sequence"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure, "; ".join(told) + "."


def entropy_accuracy(
    facts: list[ResultData], published: list[PublishedFigures]
) -> tuple[Figure, str]:
    """Whether high entropies go with wrong answers, at percentiles up to the peaks."""
    shown = [fact for fact in facts if is_first_round(fact.method)]
    figure = new_figure(rows=max(len(shown), 1), columns=2, height=2.9)
    told = []
    for row, fact in enumerate(shown):
        levels = {"sequences": fact.sequence_peaks, "prompts": fact.prompt_peaks}
        both = figure.axes[2 * row : 2 * row + 2]
        for axes, (level, peaks) in zip(both, levels.items(), strict=True):
            found = correlate(peaks)
            _draw_correlation(axes, found)
            axes.set_title(f"{len(peaks)} {level}, {cell_label(fact.cell)}", fontsize=8)
            told.append(f"{cell_label(fact.cell)}, {level}: {found.in_words()}")
        figure.axes[2 * row].set_ylabel("correlation with accuracy")
    if not shown:
        for axes in figure.axes:
            write_note(axes, "needs EAGer-init, which records entropies")
        told.append("EAGer-init, which records entropies, was not run")
    handles = [
        Line2D([], [], color="#0072B2", marker="o", label="Pearson"),
        Line2D([], [], color="#D55E00", marker="s", linestyle="--", label="Spearman"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure, "; ".join(told) + "."


Draw = Callable[[list[ResultData], list[PublishedFigures]], tuple[Figure, str]]
FIGURES: dict[str, Draw] = {
    "pass_at_k": pass_at_k,
    "cons_at_max": cons_at_max,
    "tokens": tokens,
    "sequences": sequences,
    "branches": branches,
    "entropy_accuracy": entropy_accuracy,
    "branch_tokens": branch_tokens,
}


def _by_cell(facts: list[ResultData]) -> dict[str, list[ResultData]]:
    groups: dict[str, list[ResultData]] = {}
    for fact in facts:
        groups.setdefault(cell_label(fact.cell), []).append(fact)
    return groups


def _draw_branches(counts: Axes, marks: Axes, fact: ResultData, edges: Any) -> None:
    look = style_of(fact.method)
    position = fact.branches["position"]
    heights, _ = np.histogram(position, edges)
    counts.stairs(heights, edges, color=look.color, linestyle=look.line, linewidth=1.3)
    pixels = len(position) > MANY_POINTS
    common: dict[str, Any] = {"rasterized": pixels, "linestyle": ""}
    marks.plot(position, fact.branches["threshold"], marker="_", color=GREY, **common)
    marks.plot(
        position,
        fact.branches["entropy"],
        marker=look.marker,
        color=look.color,
        markersize=3.5,
        alpha=0.6,
        **common,
    )


def _draw_correlation(axes: Axes, found: Correlation) -> None:
    if found.reason:
        write_note(axes, f"not defined: {found.reason}")
        return
    places = np.arange(len(PERCENTILES))
    axes.axhline(0, color="black", linewidth=0.8)
    axes.plot(places, found.pearson, "o-", color="#0072B2", markersize=4)
    axes.plot(places, found.spearman, "s--", color="#D55E00", markersize=4)
    axes.set_xticks(places, [f"{p:g}" for p in PERCENTILES], fontsize=7)
    axes.set(ylim=(-1.05, 1.05), xlabel="percentile of recorded entropies")


def _branches_in_words(position: list[int]) -> str:
    if not position:
        return "no branches"
    middle = np.median(position)
    return (
        f"{len(position)} branches, half of them before token {middle:.0f}, last at {max(position)}"
    )
