"""The verdict on an experiment in at most six lines, each of which follows from columns of tables.

What is said of several cells is said of each method by itself: how many cells, and from where to
where the figure goes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eager.report.figures.style import style_of
from eager.report.results import ALL
from eager.report.tables.comparison import (
    SIGNIFICANCE,
    USES_RIGHT_ANSWERS,
    WANTED,
    Row,
    Tokens,
    Verdict,
)
from eager.report.tables.pairing import BASELINE
from eager.report.tables.rendering import minus

WHY = {
    Verdict.BETTER: "",
    Verdict.WORSE: "",
    Verdict.UNDECIDED: "",
    Verdict.DOMINATED: "more tokens than all samples, and fewer solved: ",
    Verdict.DOMINATED_HERE: "more tokens than all samples, and fewer solved, perhaps by chance: ",
    Verdict.NOT_COMPARABLE: "more tokens than all samples, and no fewer solved: ",
}


def conclude(summary: Sequence[Row], comparison: Sequence[Row], cost: Sequence[Row]) -> list[str]:
    """Say what an experiment shows.

    Args:
        summary: rows of `summarize`.
        comparison: rows of `compare_with_baseline`; those over data sets repeat the others.
        cost: rows of `cost_table`.
    """
    rows = [row for row in comparison if row.get("dataset") != ALL]
    if not rows:
        return ["There is nothing to compare: no method beside Full Parallel was measured."]
    fair = [row for row in rows if row["method"] not in USES_RIGHT_ANSWERS]
    told = [row for row in rows if row["method"] in USES_RIGHT_ANSWERS]
    slower = [row for row in cost if row["method"] != BASELINE and row["steps_relative"]]
    lines = [
        _line("Tokens against all samples of Full Parallel, in how many cells", rows, _tokens),
        _line("Pass@k against Full Parallel with the same tokens", fair, _answers),
        _line("The same for methods that use the right answers", told, _answers),
        _line("Decode steps one after another, against Full Parallel", slower, _steps),
        _certainty(rows, summary),
        _needed(rows),
    ]
    return [line for line in lines if line]


def markdown_of(lines: Sequence[str]) -> str:
    """The verdict as tables/conclusion.md."""
    return "\n".join(["# Conclusion", "", *(f"- {line}" for line in lines)]) + "\n"


def _line(about: str, rows: Sequence[Row], say: Callable[[list[Row]], str]) -> str:
    methods: dict[str, list[Row]] = {}
    for row in rows:
        methods.setdefault(row["method"], []).append(row)
    clauses = [f"{style_of(method).name}: {say(members)}" for method, members in methods.items()]
    return f"{about}. {'; '.join(clauses)}." if clauses else ""


def _tokens(rows: list[Row]) -> str:
    """In how many cells fewer or more, and how many per cent."""
    said = []
    for kind in Tokens:
        shares = [abs(row["tokens_saved"]) for row in rows if row["tokens"] == kind]
        if shares:
            size = "" if kind is Tokens.UNDECIDED else f" ({_range(shares, '{:.0%}')})"
            said.append(f"{kind} in {len(shares)} of {len(rows)}{size}")
    return ", ".join(said).replace("%", " %")


def _answers(rows: list[Row]) -> str:
    """In how many cells which verdict, and the differences there."""
    said = []
    for verdict, why in WHY.items():
        found = [row for row in rows if row["verdict"] == verdict]
        if found:
            size = _range([_difference(row) for row in found], "{:+.2f}")
            said.append(f"{verdict} in {len(found)} of {len(rows)} ({why}{size})")
    return ", ".join(said)


def _difference(row: Row) -> float:
    """At equal tokens; where there is none, from all samples of Full Parallel."""
    equal = row["pass_at_k_equal_tokens_difference"]
    return float(row["pass_at_k_difference"] if equal is None else equal)


def _steps(rows: list[Row]) -> str:
    mean = _range([row["steps_relative"] for row in rows], "{:.2f}")
    worst = max(row["steps_worst_relative"] for row in rows)
    return f"{mean} times, {worst:.1f} times for the slowest prompt"


def _certainty(rows: Sequence[Row], summary: Sequence[Row]) -> str:
    tested = sum(row["p_value"] is not None for row in rows)
    seeds = max(row["seeds"] for row in rows)
    line = (
        f"Certainty. {tested} comparison{'s' * (tested != 1)} of Pass@k decide"
        f"{'s' * (tested == 1)}, one per cell and method with {seeds} seed{'s' * (seeds != 1)}; a "
        f"verdict needs p < {SIGNIFICANCE:g} after Holm's correction for their number"
    )
    experiments = dict.fromkeys(str(row["experiment"]) for row in rows if "experiment" in row)
    if len(experiments) > 1:
        line += f"; imported cells count as the others do: they are of {', '.join(experiments)}"
    chosen = {
        row["method"]: row["pass_at_k_at_best"] - row["pass_at_k_held_out"]
        for row in summary
        if row.get("pass_at_k_held_out") is not None
    }
    lost = ", ".join(f"{style_of(name).name} {value:.2f}" for name, value in chosen.items())
    return line + (f"; choosing θ on other prompts costs Pass@k: {lost}." if lost else ".")


def _needed(rows: Sequence[Row]) -> str:
    found = [row["detectable_difference"] for row in rows if row["detectable_difference"]]
    if not found:
        return ""
    seeds = []
    for wanted in WANTED:
        known = [row[f"seeds_for_{wanted:g}"] for row in rows if row["detectable_difference"]]
        enough = [number for number in known if number is not None]
        most = f"{_range(enough, '{:.0f}')} seeds" if enough else "more prompts"
        seeds.append(f"{wanted:+.2f}: {most}")
    # Of very few prompts no difference would be.
    possible = [value for value in found if value <= 1]
    size = f"a difference of {_range(possible, '{:.2f}')}" if possible else "no difference"
    return (
        f"What would decide. As it is, {size} is found 4 times in 5; for smaller ones, "
        f"{', '.join(seeds)}."
    )


def _range(values: Sequence[float], form: str) -> str:
    """Lowest and highest as text; one where both read the same."""
    ends = dict.fromkeys(minus(form.format(value)) for value in (min(values), max(values)))
    return " to ".join(ends)
