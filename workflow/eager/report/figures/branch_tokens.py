"""The figure of the tokens that stand at branches most often, for each rule by itself."""

from __future__ import annotations

from collections import Counter

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from eager.report.figures.facts import ResultData
from eager.report.figures.style import new_figure, visible, write_note
from eager.report.results import rule_label
from eager.report.tables.published import PublishedFigures

SHOWN_TOKENS = 15


def branch_tokens(facts: list[ResultData], published: list[PublishedFigures]) -> tuple[Figure, str]:
    """The tokens that stand at branches most often, as the first or the second candidate."""
    rules: dict[str, list[ResultData]] = {}
    for fact in facts:
        rules.setdefault(rule_label(fact.cell), []).append(fact)
    counts = {label: _candidates(group) for label, group in rules.items()}
    most = max(len(top) for _, _, top in counts.values())
    figure = new_figure(rows=len(counts), height=max(1.6 + 0.22 * most, 2.0))
    told = []
    for axes, (label, (kept, forked, top)) in zip(figure.axes, counts.items(), strict=True):
        where = label.removeprefix(", ")
        if not top:
            write_note(axes, "no branches")
            told.append(f"{where}: there were no branches." if where else "There were no branches.")
            continue
        _draw(axes, kept, forked, top)
        axes.set_title(where)
        words = ", ".join(f"{visible(text)} {kept[text] + forked[text]}" for text in top[:5])
        told.append(f"Of {sum(kept.values())} branches{label}, the commonest candidates: {words}.")
    drawn = [axes for axes in figure.axes if axes.get_legend_handles_labels()[0]]
    if drawn:
        drawn[-1].set_xlabel("branches at which the token was a candidate")
        handles, labels = drawn[-1].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure, " ".join(told)


def _candidates(facts: list[ResultData]) -> tuple[Counter[str], Counter[str], list[str]]:
    """How often a text was kept and forked, and which were commonest."""
    kept: Counter[str] = Counter()
    forked: Counter[str] = Counter()
    for fact in facts:
        kept.update(fact.branches["kept_text"])
        forked.update(fact.branches["forked_text"])
    together = kept + forked
    # Ties in the order of the text: the same figure whatever order the cells are read in.
    top = sorted(together, key=lambda text: (-together[text], text))[:SHOWN_TOKENS]
    return kept, forked, top


def _draw(axes: Axes, kept: Counter[str], forked: Counter[str], top: list[str]) -> None:
    places = np.arange(len(top))[::-1]
    left = np.array([kept[text] for text in top])
    right = np.array([forked[text] for text in top])
    axes.barh(places, left, color="#0072B2", label="kept (most likely)")
    axes.barh(
        places,
        right,
        left=left,
        color="white",
        edgecolor="#D55E00",
        hatch="////",
        label="branched to (second)",
    )
    axes.set_yticks(places, [visible(text) for text in top], parse_math=False)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(visible=False, axis="y")
