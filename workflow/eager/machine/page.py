"""The page of a check: lines of what was looked at, what was found, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

Mark = Literal["ok", "differs", "missing", "note"]
"""`differs`: not as it should be. `missing`: not there, so that nothing could be checked.
`note`: a figure, or something that could not be checked here; it decides nothing."""

AREAS = ("machine", "engine", "generation", "speed")
"""Parts of the page, in order."""
DIFFERS, MISSING = 1, 3
"""Exit codes; 2 is that of a wrong command line."""
SHOWN = 3
"""Problems that a line names."""


class CheckLine(NamedTuple):
    """One line of the page: its area, what was looked at, what was found and what to do."""

    area: str
    name: str
    verdict: Mark
    found: str
    to_do: str = ""


def check_line(
    area: str, name: str, problems: Sequence[str], checked: int, what: str, to_do: str = ""
) -> CheckLine:
    """`ok` if there are no problems and something was checked; else `differs`, with the first ones.

    Args:
        area: the part of the page.
        name: what was checked.
        problems: what is not as it should be, in words.
        checked: how many cases were looked at.
        what: what these are, in words.
        to_do: what to do about a problem.
    """
    if problems:
        more = f" (and {len(problems) - SHOWN} more)" if len(problems) > SHOWN else ""
        found = f"{len(problems)} of {checked} {what}: {'; '.join(problems[:SHOWN])}{more}"
        return CheckLine(area, name, "differs", found, to_do)
    if not checked:
        return CheckLine(area, name, "differs", f"no {what}: nothing was checked")
    return CheckLine(area, name, "ok", f"{checked} {what}")


def exit_code(lines: Iterable[CheckLine]) -> int:
    """0: all is ok; 1: something differs; 3: nothing differs, but something is missing."""
    verdicts = {line.verdict for line in lines}
    if "differs" in verdicts:
        return DIFFERS
    return MISSING if "missing" in verdicts else 0


def conclusion(lines: Sequence[CheckLine]) -> str:
    """The whole page in a sentence."""
    counts = (
        f"{sum(line.verdict == verdict for line in lines)} {verdict}"
        for verdict in ("ok", "differs", "missing")
    )
    return f"{', '.join(counts)}; exit code {exit_code(lines)}"


def page(lines: Sequence[CheckLine], head: dict[str, Any]) -> str:
    """The page as Markdown, its lines by area; `head`: date, hardware, commit and seconds."""
    parts = [
        "# Machine check",
        "",
        "{date}, {hardware}, code {commit}, {seconds:.0f} s.".format_map(head),
        f"**{conclusion(lines)}**",
    ]
    for area in AREAS:
        rows = [line for line in lines if line.area == area]
        if rows:
            parts += [
                "",
                f"## {area.capitalize()}",
                "",
                "| | verdict | found |",
                "| --- | --- | --- |",
            ]
            parts += map(_row, rows)
    return "\n".join(parts) + "\n"


def shown(line: CheckLine) -> str:
    """A line as the terminal shows it."""
    to_do = f"\n         -> {line.to_do}" if line.to_do else ""
    return f"{line.verdict:<8} {line.name}: {line.found}{to_do}"


def _row(line: CheckLine) -> str:
    found = line.found + (f". To do: {line.to_do}" if line.to_do else "")
    cells = (line.name, line.verdict, found)
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
