"""evalplus's `code_extract`, made fast enough for texts of any length.

evalplus parses every range of lines of a text, which takes minutes for a thousand lines that are no
Python. Here a range is not parsed when the error of a shorter one rules it out, or when it could
not be the longest; what comes out is the same. Runs inside the container: standard library only.
"""

from __future__ import annotations

import ast
import re
from itertools import accumulate

# Errors that lines to come may undo. Any other is at a token that cannot follow those before it, so
# that every longer text with the same beginning has it too.
_OPEN = re.compile(
    r"unterminated (triple-quoted|f-string)|unexpected EOF|expected (?!':')|.* was never closed"
)
# So many lines after the one that an error names may be the real place of it.
_SPARE_LINES = 2


def code_extract(text: str) -> str:
    """The range of two or more lines that is Python and has the most lines that are not blank.

    Of equally long ones the first to begin, and of these the first to end; the first line if no
    range is Python.
    """
    lines = text.split("\n")
    # Lines up to each place that are not blank.
    counts = list(accumulate((bool(line.strip()) for line in lines), initial=0))
    best, longest = (0, 0), 0
    for start in range(len(lines)):
        if counts[-1] - counts[start] <= longest:
            break
        end = _longest_end(lines, counts, start, longest)
        if end is not None:
            best, longest = (start, end), counts[end + 1] - counts[start]
    return "\n".join(lines[best[0] : best[1] + 1])


def _longest_end(lines: list[str], counts: list[int], start: int, longest: int) -> int | None:
    """Last line of the best range from `start` on, None without one of over `longest` lines."""
    end = _last_possible_end(lines, start)
    found = None
    while end > start:
        count = counts[end + 1] - counts[start]
        if count <= longest or (found is not None and count < counts[found + 1] - counts[start]):
            break
        limit = _parse(lines, start, end)
        if limit is None:
            found, limit = end, end
        end = min(end - 1, limit)
    return found


def _last_possible_end(lines: list[str], start: int) -> int:
    """No range from `start` that ends later can be Python; looks at few lines where few will do."""
    size = 2
    while start + size < len(lines):
        limit = _parse(lines, start, start + size - 1)
        if limit is not None and limit < start + size - 1:
            return limit
        size *= 2
    return len(lines) - 1


def _parse(lines: list[str], start: int, end: int) -> int | None:
    """None if the range is Python, else the last line at which a range from `start` could end."""
    try:
        ast.parse("\n".join(lines[start : end + 1]))
    except SyntaxError as error:
        named = start + max(error.lineno or 0, error.end_lineno or 0) - 1
        last = named + _SPARE_LINES
        # A backslash continues a string that looks as if it could never be closed.
        undone = _OPEN.match(str(error.msg)) or any(
            line.endswith("\\") for line in lines[named : last + 1]
        )
        return end if undone or named < start else min(end, last)
    except (MemoryError, RecursionError, ValueError):
        return end
    return None
