r"""Sets, tuples, lists and inequalities: what a bracket or an "or" says about an answer.

Everything here reads a normalised text (`normalize.normalize`).
"""

from __future__ import annotations

import re

_RELATION = r"(<|>|\\le(?![a-z])|\\ge(?![a-z]))"
_INEQUALITY = re.compile(
    rf"(?:([^<>=]+?)\s*{_RELATION}\s*)?([a-z]|f\(x\))\s*{_RELATION}\s*([^<>=]+)"
)
_OR = re.compile(r"\s*,?\s*(?:\\text\{\s*or\s*\}|\bor\b|\\lor(?![a-z]))\s*")
_LISTED = re.compile(r"\s*(?:,?\s*\\text\{\s*(?:and|or)\s*\}|,?\s*\b(?:and|or)\b|[,;])\s*")
_OPENING, _CLOSING = "([{", ")]}"


def members(text: str) -> list[str]:
    """The members of a list without brackets: split at commas, semicolons, "and" and "or"."""
    parts, depth, start = [], 0, 0
    separators = {match.start(): match.end() for match in _LISTED.finditer(text)}
    for position, character in enumerate(text):
        if depth == 0 and position >= start and position in separators:
            parts.append(text[start:position])
            start = separators[position]
        depth += (character in _OPENING) - (character in _CLOSING)
    return [part.strip() for part in [*parts, text[start:]]]


def repetitions(text: str) -> int:
    """How many members of a list stand there again: math-verify's sets hold each once."""
    listed = members(text)
    return len(listed) - len(set(listed))


def is_finite_set(text: str) -> bool:
    r"""Whether a text is a set with braces and several members, as `\{1,2\}`."""
    return (
        text.startswith(r"\{")
        and text.endswith(r"\}")
        and not re.search(r"[|:]|\\mid", text)
        and len(members(text[2:-2])) > 1
    )


def is_tuple(text: str) -> bool:
    """Whether a text is one pair of parentheses with several members, as `(1,2)`."""
    if not (text.startswith("(") and text.endswith(")")) or len(members(text[1:-1])) < 2:
        return False
    depth = 0
    for character in text[:-1]:
        depth += (character in _OPENING) - (character in _CLOSING)
        if depth == 0:
            return False
    return True


def as_intervals(text: str) -> str:
    r"""Inequalities of one variable joined by "or", as `x<2 or x>3`, as a union of intervals."""
    parts = _OR.split(text)
    intervals = [_interval(part) for part in parts]
    known = [interval for interval in intervals if interval is not None]
    if len(known) < max(2, len(parts)) or len({variable for variable, _ in known}) > 1:
        return text
    return r" \cup ".join(interval for _, interval in known)


def _interval(text: str) -> tuple[str, str] | None:
    match = _INEQUALITY.fullmatch(text)
    if match is None:
        return None
    low, first, variable, second, high = match.groups()
    rises = second in ("<", r"\le")
    if low is None:
        low, first = (r"-\infty", "<") if rises else (r"\infty", ">")
    if (first in ("<", r"\le")) != rises:
        return None
    if not rises:
        low, first, second, high = high, second, first, low
    opening, closing = "(" if first in "<>" else "[", ")" if second in "<>" else "]"
    return variable, f"{opening}{low}, {high}{closing}"
