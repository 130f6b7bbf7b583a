"""The page of a check, to read and to paste into a report of a fault."""

from __future__ import annotations

from collections.abc import Sequence

from eager.config.settings import StrictModel
from eager.monitor.machine.verdicts import Line, exit_code

HEADINGS = {
    "machine": "Machine",
    "engine": "Engine",
    "generation": "Generation",
    "speed": "Speed",
    "plan": "The paper's models and plan",
}


class Head(StrictModel):
    """What the page is about: UTC date, hardware, commit of the code, seconds it took."""

    date: str
    hardware: str
    commit: str
    seconds: float


def conclusion(lines: Sequence[Line]) -> str:
    """The whole page in a sentence."""
    counts = {verdict: sum(line.verdict == verdict for line in lines) for verdict in VERDICTS}
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    return f"{told}; exit code {exit_code(lines)}"


VERDICTS = ("ok", "differs", "missing")


def page(lines: Sequence[Line], head: Head) -> str:
    """The page as Markdown.

    Args:
        lines: in order; they are put together by area.
        head: what stands above them.
    """
    parts = [
        "# Machine check",
        "",
        f"{head.date}, {head.hardware}, code {head.commit}, {head.seconds:.0f} s.",
        f"**{conclusion(lines)}**",
    ]
    for area, heading in HEADINGS.items():
        rows = [line for line in lines if line.area == area]
        if rows:
            parts += ["", f"## {heading}", "", "| | verdict | found |", "| --- | --- | --- |"]
            parts += [_row(line) for line in rows]
    return "\n".join(parts) + "\n"


def shown(line: Line) -> str:
    """A line as the terminal shows it."""
    to_do = f"\n         -> {line.to_do}" if line.to_do else ""
    return f"{line.verdict:<8} {line.name}: {line.found}{to_do}"


def _row(line: Line) -> str:
    found = line.found + (f". To do: {line.to_do}" if line.to_do else "")
    cells = (line.name, line.verdict, found)
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
