"""Quality against tokens: Full Parallel as a line over its samples, all others as points."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from eager.config.settings import Method
from eager.report.figures.facts import ResultData
from eager.report.figures.style import (
    GREY,
    label_point,
    method_handles,
    new_figure,
    style_of,
)
from eager.report.results import rule_label
from eager.report.tables.published import PublishedFigures

RIVALS = {
    "pass_at_k": ("until_solved", "until_solved_shared"),
    "cons_at_max": ("early_stopping", "adaptive_consistency", "adaptive_consistency_shared"),
}
"""The rivals that aim at a figure."""
BAND = 0.12


def pass_at_k(facts: list[ResultData], published: list[PublishedFigures]) -> tuple[Figure, str]:
    """Pass@k against tokens per prompt; a line joins the values of M."""
    return _quality_against_tokens(facts, published, "pass_at_k", "Pass@k")


def cons_at_max(
    facts: list[ResultData],
    published: list[PublishedFigures],  # noqa: ARG001
) -> tuple[Figure, str]:
    """Cons@max against tokens per prompt, as in `pass_at_k`; nothing of it is published."""
    return _quality_against_tokens(facts, [], "cons_at_max", "Cons@max")


def _quality_against_tokens(
    facts: list[ResultData], published: list[PublishedFigures], quality: str, label: str
) -> tuple[Figure, str]:
    figure = new_figure(height=4.0)
    axes = figure.axes[0]
    told = []
    for method, series in by_method(facts):
        told += _draw_series(axes, method, series, quality)
        told += _draw_rivals(axes, series[-1], quality)
    _draw_published(axes, published)
    axes.set(xlabel="tokens per prompt (numbers: M)", ylabel=label)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    # Space around the points and the band, without what is not possible.
    low, high = axes.dataLim.intervaly
    axes.set_ylim(max(-0.03, low - 0.05), min(1.05, high + 0.05))
    figure.legend(handles=_handles(facts, quality, published), loc="outside lower center", ncols=3)
    note = f" {len(published)} published points are overlaid." if published else ""
    return figure, f"{label} against true tokens. {'; '.join(told)}.{note}"


def _draw_series(axes: Axes, method: Method, series: list[ResultData], quality: str) -> list[str]:
    look = style_of(method)
    tokens = [fact.tokens_per_prompt for fact in series]
    values = [fact.metrics[quality] for fact in series]
    line: str = look.line
    if method == "parallel":
        line = "" if _draw_curve(axes, series[-1], quality) else line
    else:
        upstream = [fact.tokens_upstream_per_prompt for fact in series]
        axes.hlines(values, upstream, tokens, color=look.color, linewidth=0.8, alpha=0.6)
        axes.plot(upstream, values, "|", color=look.color, markersize=8)
    half = "bottom" if series[0].cell.get("rule") == "authors" else "full"
    looks: Any = {"marker": look.marker, "color": look.color, "fillstyle": half}
    axes.plot(tokens, values, line, markersize=6, **looks)
    told = []
    for fact, x, y in zip(series, tokens, values, strict=True):
        largest = fact.cell["max_sequences"]
        label_point(axes, f"{largest}", (x, y), method)
        told.append(
            f"{look.name} at M {largest}{rule_label(fact.cell)}: {y:.3f} with {x:,.0f} tokens "
            "per prompt"
        )
    return told


def _draw_curve(axes: Axes, fact: ResultData, quality: str) -> bool:
    """What fewer samples reach, with the interval over prompts; False: it is not recorded."""
    curve = fact.metrics.get("parallel_curve", [])
    if not curve:
        return False
    look = style_of(fact.method)
    tokens = [point["tokens_per_prompt"] for point in curve]
    axes.plot(tokens, [point[quality] for point in curve], look.line, color=look.color)
    bounds = [point["intervals"][quality] for point in curve]
    if None not in bounds:
        low, high = zip(*bounds, strict=True)
        axes.fill_between(tokens, low, high, color=look.color, alpha=BAND, linewidth=0)
    doubling = [point for point in curve if point["samples"].bit_count() == 1]
    axes.plot(
        [point["tokens_per_prompt"] for point in doubling],
        [point[quality] for point in doubling],
        linestyle="",
        marker=look.marker,
        markersize=3,
        color=look.color,
    )
    return True


def _draw_rivals(axes: Axes, fact: ResultData, quality: str) -> list[str]:
    told = []
    for size, name in zip((9, 6, 6), RIVALS[quality], strict=False):
        if (point := fact.rivals.get(name)) is None:
            continue
        look = style_of(name)
        value, tokens = point[quality], point["tokens_per_prompt"]
        axes.plot([tokens], [value], look.marker, color=look.color, markersize=size)
        told.append(f"{look.name}: {value:.3f} with {tokens:,.0f} tokens per prompt")
    return told


def _draw_published(axes: Axes, published: list[PublishedFigures]) -> None:
    for method in dict.fromkeys(point.method for point in published):
        look = style_of(method)
        points = sorted((p for p in published if p.method == method), key=lambda p: p.max_sequences)
        places = np.array([(point.tokens_per_prompt, point.pass_at_k) for point in points], float)
        axes.plot(
            *places.T,
            look.line,
            marker=look.marker,
            color=look.color,
            markerfacecolor="white",
            linewidth=0.7,
            alpha=0.7,
        )


def _handles(facts: list[ResultData], quality: str, published: list[PublishedFigures]) -> list[Any]:
    methods = {fact.method for fact in facts} | {point.method for point in published}
    handles = method_handles(methods)
    derived = {name for fact in facts for name in fact.rivals}
    handles += [
        Line2D([], [], color=look.color, marker=look.marker, linestyle="", label=look.name)
        for look in (style_of(name) for name in RIVALS[quality] if name in derived)
    ]
    if any(fact.metrics.get("parallel_curve") for fact in facts):
        color = style_of("parallel").color
        handles.append(Patch(facecolor=color, alpha=BAND, label="95 % interval of Full Parallel"))
    handles.append(
        Line2D([], [], color=GREY, marker="|", linewidth=0.8, label="authors' count of tokens")
    )
    if any(rule_label(fact.cell) for fact in facts):
        label = "half full: rule authors"
        handles.append(Line2D([], [], color=GREY, marker="o", fillstyle="bottom", label=label))
    if published:
        label = "hollow: published (authors' count)"
        handles.append(Line2D([], [], color=GREY, marker="o", markerfacecolor="w", label=label))
    return handles


def by_method(facts: list[ResultData]) -> list[tuple[Method, list[ResultData]]]:
    """Results that differ in M only, in order of M; Full Parallel knows no threshold."""
    series: dict[tuple[Any, ...], dict[int, ResultData]] = {}
    for fact in facts:
        cell = fact.cell
        branching = (cell["entropy_threshold"], cell.get("rule"))
        own = None if fact.method == "parallel" else branching
        key = (fact.method, cell["temperature"], cell["seed"], own)
        series.setdefault(key, {})[cell["max_sequences"]] = fact
    return [(key[0], [group[m] for m in sorted(group)]) for key, group in series.items()]
