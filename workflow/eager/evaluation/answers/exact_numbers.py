r"""Plain numbers with their exact value, and numbers that say their base.

Everything here reads a normalised text (`normalize.normalize`).
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

LARGEST_EXPONENT = 400
LONGEST_NUMBER = 500

THOUSANDS = re.compile(r"(?<=\d)(?:,|\\,|\{,\}|,?\\!\s*| )(?=\d{3}(?!\d))")
_GROUPED = re.compile(r"[-+]?\d{1,3}(?:[, ]\d{3})+(?:\.\d+)?")
_DECIMAL = r"(?:\d+(?:\.\d*)?|\.\d+)"
_SCIENTIFIC = re.compile(
    rf"([-+]?)\s*(?:(?:({_DECIMAL})\s*(?:\\times|\\cdot)\s*)?"
    rf"10\s*\^\s*(?:\{{\s*([-+]?\d+)\s*\}}|(\d))|({_DECIMAL})[eE]([-+]?\d+))"
)
_FRACTION = re.compile(
    rf"([-+]?)\s*(\d+)?\s*\\frac\s*(?:\{{\s*(-?{_DECIMAL})\s*\}}|(\d))"
    rf"\s*(?:\{{\s*({_DECIMAL})\s*\}}|(\d))"
)
_SLASHED = re.compile(rf"([-+]?)\s*(?:(\d+)\s+)?({_DECIMAL})\s*/\s*({_DECIMAL})")
_REPEATING = re.compile(
    r"([-+]?)(\d*)\.(\d*)(?:\\(?:overline|bar|dot)\s*\{?(\d+)\}?|\((\d+)\)|"
    r"\\dot\s*\{?(\d)\}?(\d*)\\dot\s*\{?(\d)\}?)(?:\\ldots|\.\.\.)?"
)
# A block of two digits and more twice, or one digit three times.
_GOES_ON = re.compile(r"([-+]?)(\d*)\.(\d*?)(?:(\d)\4{2,}|(\d{2,})\5{1,})\s*(?:\\ldots|\.{3})")
_BASED = re.compile(
    r"\(?\s*(\d[\dA-Za-z]*|[A-F]+\d[\dA-F]*|[A-F]{2,}|[a-f]{2,})\s*\)?\s*"
    r"(?:_\s*(?:\{\s*\(?\s*(?:\\text\{)?\s*(\w+?)\s*\}?\s*\)?\s*\}|(\d)|\((\d+)\))"
    r"|\\text\{\s*(?:in )?base\s*(\w+)?\s*\}\s*(\d+)?)"
)
_BASES = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9}
_BASES |= {"ten": 10, "eleven": 11, "twelve": 12, "sixteen": 16}
_BASES |= {"binary": 2, "octal": 8, "hex": 16}


class BasedNumber(NamedTuple):
    """A number that says its base: `52_8` is 42 in base 8."""

    value: int
    base: int


def exact_value(text: str) -> Fraction | None:
    r"""The exact value of a plain number; None for all else.

    Integers with or without separators of thousands, decimals (each digit counts), powers of ten,
    fractions, mixed numbers and repeating decimals such as `0.\overline{3}` or `0.333...`.
    """
    text = text.strip()
    if not text or len(text) > LONGEST_NUMBER:
        return None
    if _GROUPED.fullmatch(text):
        text = text.replace(",", "").replace(" ", "")
    try:
        if re.fullmatch(rf"[-+]?\s*{_DECIMAL}", text):
            return Fraction(text.replace(" ", "").rstrip("."))
        for pattern, read in _READERS:
            if match := pattern.fullmatch(text):
                return read(match)
    except ZeroDivisionError:
        return None
    return None


def _scientific(match: re.Match[str]) -> Fraction | None:
    sign, mantissa, braced, single, plain, lettered = match.groups()
    exponent = int((braced or single or lettered)[:9])
    if abs(exponent) > LARGEST_EXPONENT:
        return None
    return _signed(
        sign, Fraction((mantissa or plain or "1").rstrip(".")) * Fraction(10) ** exponent
    )


def _fraction(match: re.Match[str]) -> Fraction | None:
    sign, whole, above, digit_above, below, digit_below = match.groups()
    numerator = Fraction(above or digit_above)
    if whole is not None and numerator < 0:
        return None
    return _signed(sign, Fraction(whole or 0) + numerator / Fraction(below or digit_below))


def _slashed(match: re.Match[str]) -> Fraction:
    sign, whole, above, below = match.groups()
    return _signed(sign, Fraction(whole or 0) + Fraction(above) / Fraction(below))


def _repeating(match: re.Match[str]) -> Fraction:
    sign, whole, start, *period = match.groups()
    return _signed(sign, _expansion(whole, start, "".join(filter(None, period))))


def _goes_on(match: re.Match[str]) -> Fraction:
    sign, whole, start, digit, block = match.groups()
    return _signed(sign, _expansion(whole, start, digit or block))


def _expansion(whole: str, start: str, period: str) -> Fraction:
    repeated = Fraction(int(period), 10 ** len(period) - 1)
    return int(whole or 0) + (int(start or 0) + repeated) / Fraction(10) ** len(start)


def _signed(sign: str, value: Fraction) -> Fraction:
    return -value if sign == "-" else value


_READERS = (
    (_SCIENTIFIC, _scientific),
    (_FRACTION, _fraction),
    (_SLASHED, _slashed),
    (_REPEATING, _repeating),
    (_GOES_ON, _goes_on),
)


def based_number(text: str) -> BasedNumber | None:
    r"""A number with its base, as `52_8` or `2A_{16}`; None where its digits do not fit."""
    match = _BASED.fullmatch(re.sub(r"^\\text\{(\w+)\}(?=\s*_)", r"\1", text.strip()))
    if match is None:
        return None
    digits = match[1]
    name = next(filter(None, match.groups()[1:]), "")
    base = _BASES.get(name.lower()) or (int(name) if name.isdecimal() and len(name) < 3 else 0)
    if not 2 <= base <= 36 or (digits.isalpha() and digits.islower() and base != 16):
        return None
    try:
        return BasedNumber(int(digits, base), base)
    except ValueError:
        return None
