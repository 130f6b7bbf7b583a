"""Says at the end how many inputs were tried, and how many of each kind were refused."""

from __future__ import annotations

from typing import Any

from tests.support.fuzzing import TALLY


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """A line per kind of input."""
    if not TALLY:
        return
    terminalreporter.section("fuzzing")
    for kind in sorted({kind for kind, _ in TALLY}):
        refused, accepted = TALLY[kind, "refused"], TALLY[kind, "accepted"]
        terminalreporter.write_line(
            f"{kind}: {refused + accepted:,} inputs, {refused:,} refused, {accepted:,} accepted"
        )
    terminalreporter.write_line(f"in total: {sum(TALLY.values()):,} inputs")
