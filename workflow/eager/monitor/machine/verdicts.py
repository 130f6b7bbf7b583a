"""The lines of the page: what was looked at, what was found, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from eager.config.settings import StrictModel

Verdict = Literal["ok", "differs", "missing", "note"]
"""`differs`: not as it should be. `missing`: not there, so that nothing could be checked.
`note`: a figure, or something that could not be checked here; it decides nothing."""
Area = Literal["machine", "engine", "generation", "speed", "plan"]

DIFFERS, MISSING = 1, 3
"""Exit codes; 2 is that of a wrong command line."""
SHOWN = 3


class Line(StrictModel):
    """One line of the page.

    Attributes:
        area: the part of the page.
        name: what was looked at.
        verdict: see `Verdict`.
        found: what was found, in words.
        to_do: what to do; empty if nothing.
    """

    area: Area
    name: str
    verdict: Verdict
    found: str
    to_do: str = ""


def exit_code(lines: Iterable[Line]) -> int:
    """0: all is ok; 1: something differs; 3: nothing differs, but something is missing."""
    verdicts = {line.verdict for line in lines}
    if "differs" in verdicts:
        return DIFFERS
    return MISSING if "missing" in verdicts else 0


def line_of(
    area: Area, name: str, problems: Sequence[str], checked: int, what: str, to_do: str = ""
) -> Line:
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
        return Line(area=area, name=name, verdict="differs", found=found, to_do=to_do)
    if not checked:
        return Line(
            area=area, name=name, verdict="differs", found=f"no {what}: nothing was checked"
        )
    return Line(area=area, name=name, verdict="ok", found=f"{checked} {what}")
