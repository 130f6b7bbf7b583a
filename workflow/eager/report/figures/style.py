"""How figures look and are written: one palette, deterministic bytes, text that always renders."""

from __future__ import annotations

import unicodedata
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from textwrap import fill
from typing import Any, Literal, NamedTuple

import matplotlib.style
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from eager.algorithm.methods import own_methods
from eager.config.settings import METHODS, Method
from eager.util.files import replacing

# Okabe and Ito's palette: told apart with every common colour blindness, and on a grey printer by
# marker and line style.
GREY = "#6b6b6b"
MOST_IN_LINE = 74
"""Characters of a heading that fit beside each other."""
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.6,
    "lines.linewidth": 1.3,
    "legend.frameon": False,
    "savefig.dpi": 200,
    "svg.hashsalt": "eager",
}


class MethodStyle(NamedTuple):
    """How one method is drawn."""

    name: str
    color: str
    marker: str
    line: Literal["-", "--", "-.", ":"]


METHOD_STYLES = {
    "parallel": MethodStyle("Full Parallel", "#000000", "o", "-"),
    "eager_init": MethodStyle("EAGer-init", "#0072B2", "s", "--"),
    "eager_adapt": MethodStyle("EAGer-adapt", "#D55E00", "^", "-."),
    "eager": MethodStyle("EAGer", "#009E73", "D", ":"),
}


RIVAL_STYLES = {
    "until_solved": MethodStyle("sampling until solved", "#CC79A7", "P", ":"),
    "until_solved_shared": MethodStyle("until solved, shared budget", "#8A6BBE", "p", ":"),
    "early_stopping": MethodStyle("early stopping (ESC)", "#E69F00", "X", ":"),
    "adaptive_consistency": MethodStyle("adaptive consistency", "#56B4E9", "v", ":"),
    "adaptive_consistency_shared": MethodStyle(
        "adaptive consistency, shared budget", "#2E75A3", "d", ":"
    ),
}
"""Rivals that are derived from Full Parallel's samples."""
OWN_LOOKS = [("#CC79A7", "P"), ("#E69F00", "X"), ("#56B4E9", "v"), ("#8A6BBE", "*")]
"""Colours and markers of methods of one's own, in alphabetical order."""


def style_of(method: str) -> MethodStyle:
    """How a method is drawn; one that is not the paper's keeps its own name."""
    if method in (known := METHOD_STYLES | RIVAL_STYLES):
        return known[method]
    names = own_methods()
    place = names.index(method) if method in names else 0
    color, marker = OWN_LOOKS[place % len(OWN_LOOKS)]
    return MethodStyle(method, color, marker, "--")


def style() -> AbstractContextManager[None]:
    """The settings that figures are drawn and written with; no matplotlibrc of the user counts."""
    return matplotlib.style.context(STYLE, after_reset=True)


def new_figure(rows: int = 1, columns: int = 1, width: float = 6.5, height: float = 3.2) -> Figure:
    """A figure with a grid of axes; `height` is that of a row, in inches.

    Made without pyplot: no global state, no window system. Call it, and draw, in `style()`.
    """
    figure = Figure(figsize=(width, height * rows), layout="constrained")
    figure.subplots(rows, columns, squeeze=False)
    return figure


def write_heading(figure: Figure, text: str) -> None:
    """Write the heading of a figure, in as many lines as its width asks for."""
    figure.suptitle(
        fill(text, MOST_IN_LINE, break_on_hyphens=False), fontsize=10, fontweight="bold"
    )


def save(figure: Figure, folder: Path, stem: str, title: str, description: str) -> None:
    """Write a figure as SVG and PNG: the same bytes for the same content.

    The description becomes the SVG's own, which is what the report reads out to people who do not
    see the figure.
    """
    described = {"Title": title, "Description": description, "Creator": None, "Date": None}
    metadata = {"svg": described, "png": {"Title": title, "Software": None}}
    for kind, content in metadata.items():
        with replacing(folder / f"{stem}.{kind}") as temporary:
            figure.savefig(temporary, format=kind, metadata=content)


def visible(text: str, limit: int = 24) -> str:
    """A token's text with blanks shown, and code points in place of what the font lacks."""
    shown = "".join(_shown(character) for character in text)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _shown(character: str) -> str:
    if character == " ":
        return "␣"
    if character == "\n":
        return "↵"
    if unicodedata.category(character).startswith(("C", "Z")) or ord(character) not in _glyphs():
        return f"\\u{{{ord(character):x}}}"
    return character


@cache
def _glyphs() -> frozenset[int]:
    font = font_manager.get_font(font_manager.findfont("DejaVu Sans"))
    return frozenset(font.get_charmap())


def label_point(axes: Axes, text: str, point: tuple[float, float], method: Method) -> None:
    """A number beside a point, on a side of its own for each method: points often coincide."""
    offset, horizontal = {
        "parallel": ((0, 6), "center"),
        "eager_init": ((0, -13), "center"),
        "eager_adapt": ((-6, -3), "right"),
        "eager": ((6, -3), "left"),
    }.get(method, ((0, 6), "center"))
    axes.annotate(
        text,
        point,
        offset,
        textcoords="offset points",
        fontsize=7,
        color=style_of(method).color,
        ha=horizontal,
    )


def method_handles(methods: set[Method]) -> list[Any]:
    """Entries of a legend, one per method."""
    shown = sorted(methods, key=[*METHODS, *sorted(methods)].index)
    return [
        Line2D([], [], color=look.color, marker=look.marker, linestyle=look.line, label=look.name)
        for look in map(style_of, shown)
    ]


def write_note(axes: Axes, text: str) -> None:
    """Write a text in the middle of a panel that has nothing to draw."""
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, color=GREY)
    axes.set(xticks=[], yticks=[])
