r"""What stands beside a number: units, currencies, per cent, words such as "million".

A unit is kept beside the value, never dropped: two units must be the same, while a value without
one may stand for either. Reads a normalised text (`normalize.normalize`).
"""

from __future__ import annotations

import re
from typing import NamedTuple

# One unit per line: its name, then other spellings. Plurals in "s" need no spelling of their own.
_SPELLINGS = r"""
inch inches in
foot feet ft
yard yd
mile mi
mm millimetre millimeter
cm centimetre centimeter
m metre meter
km kilometre kilometer
mg milligram
g gram
kg kilogram kgs
ml mL millilitre milliliter
l L litre liter
s sec secs second
min mins minute
h hr hrs hour
year yr yrs
am a.m
pm p.m
degree deg
degree_C C celsius
degree_F F fahrenheit
radian rad
pound lb lbs
ounce oz
gallon gal
mile/h mph
km/h kph kmh km/hr
N newton
J joule
W watt
V volt
A ampere
K kelvin
Pa pascal
Hz hertz
man men
woman women
child children
person people persons
dollar USD buck
euro EUR
sterling GBP
franc CHF
yuan CNY RMB
rupee INR Rs Rs.
yen JPY
"""
_NAMES = {word: line.split()[0] for line in _SPELLINGS.split("\n") for word in line.split()}
_SCALES = {"dozen": 12, "hundred": 100} | {
    name: 10**power
    for name, power in (("thousand", 3), ("million", 6), ("billion", 9), ("trillion", 12))
}
_SIGNS = {"\\$": "dollar", "$": "dollar", "US\\$": "dollar", "US$": "dollar"} | {
    "€": "euro",
    "\\euro": "euro",
    "£": "sterling",
    "\\pounds": "sterling",
    "¥": "yen",
    "₹": "rupee",
}
_CODES = ("USD", "EUR", "GBP", "CHF", "CNY", "RMB", "INR", "Rs", "Rs.", "JPY")
_CURRENCIES = _SIGNS | {code: _NAMES[code] for code in _CODES}
_CURRENCY = re.compile(
    r"([-+]?)\s*(?:\\text\{\s*)?("
    + "|".join(re.escape(sign) for sign in sorted(_CURRENCIES, key=len, reverse=True))
    + r")\s*\}?\s*(?=[-+\d.\\])(.+)",
    re.DOTALL,
)
# Without \text: what is no product of variables.
_BARE = (
    r"(?:(?:square|cubic|sq\.?|cu\.?) ?)?(?:mm|cm|dm|km|mg|kg|ml|mL|hrs?|min|mins|secs?|ft|mph|kph"
    r"|km/h|km/hr|m/s|cents?|dollars?|euros?|pounds?|yuan|inch(?:es)?|feet|foot|yards?|miles?"
    r"|(?:centi|kilo|milli)?met(?:er|re)s?|lit(?:er|re)s?|(?:kilo)?grams?|seconds?|minutes?|hours?"
    r"|days?|weeks?|months?|years?|degrees?|radians?|units?|ways|people|points?|am|pm"
    r"|USD|EUR|GBP|CHF|CNY|INR|JPY)"
)
_POWER = r"(?:\s*\^\s*(?:\{\s*-?\d+\s*\}|-?\d))?"
_GROUP = rf"\\text\{{[^{{}}]*\}}{_POWER}"
_TAIL = re.compile(rf"\s*{_GROUP}(?:\s*(?:/|\\cdot(?![a-zA-Z]))?\s*{_GROUP})*\s*$")
_BARE_TAIL = re.compile(
    rf"(?<=[\d}})])\s*{_BARE}{_POWER}\s*$|(?<=[\d}}])\s+[a-z]{{3,}}(?: [a-z]{{2,}}){{0,3}}\s*$"
)
_DEGREES = re.compile(r"\s*\^\\circ\s*(?:(?:\\text\{)?\s*([CF])\s*\}?)?\s*$")
_PER_CENT = re.compile(
    r"\s*(?:\\%|\\text\{\s*(?:\\?%|percent|per cent|pct|percentage)\s*\}"
    r"|(?:(?<=\d)|\s)(?:percent|per cent|pct))\s*$"
)
_LETTER_UNITS = "mgslhLNJKWVACFTP"
_NO_UNIT = re.compile(
    r"\b(?:or|and|not|no|if|when|for|where|mod|modulo|less|more|than|least|most|factorial|squared"
    r"|cubed|half|halves|thirds?|fourths?|fifths?|quarters?|tenths?|hundredths?|thousandths?|base"
    r"|to|plus|minus|times|divided|otherwise|except|but|only|is|are|false|wrong|incorrect|pi|with"
    r"|remainder|sin|cos|tan|log|ln|max|min of)\b",
    re.IGNORECASE,
)
_VALUE_END = re.compile(r"(?:[\d})!|]|\\pi|\\infty|\\ldots)\s*$")


class Quantity(NamedTuple):
    """A text without its unit, the unit's one name ("" for none), and whether it is per cent."""

    text: str
    unit: str
    per_cent: bool


def split_quantity(text: str) -> Quantity:
    r"""A normalised text as its value and what it is measured in.

    `5\text{ cm}^2` is 5 and `cm^2`, `\$5` is 5 and `dollar`, `5\%` is 5 and per cent. Words that
    are numbers (dozen, million) are multiplied in.
    """
    if currency := _CURRENCY.fullmatch(text):
        inner = split_quantity(currency[3].strip())
        name = _CURRENCIES[currency[2]]
        unit = name if inner.unit in ("", name) else f"{name} {inner.unit}"
        return Quantity(currency[1] + inner.text, unit, inner.per_cent)
    for pattern in (_PER_CENT, _DEGREES, _TAIL, _BARE_TAIL):
        match = pattern.search(text)
        if match is None or not _VALUE_END.search(text[: match.start()]):
            continue
        value = text[: match.start()].strip()
        if pattern is _PER_CENT:
            return Quantity(value, "", per_cent=True)
        if pattern is _DEGREES:
            return Quantity(value, f"degree_{match[1]}" if match[1] else "degree", per_cent=False)
        return _measured(text, value, match.group())
    return Quantity(text, "", per_cent=False)


def _measured(text: str, value: str, tail: str) -> Quantity:
    words = re.sub(r"\\text\{([^{}]*)\}", r" \1 ", tail).replace("\\cdot", " ")
    words = " ".join(re.sub(r"[{}()]", "", words).split())
    scale, _, rest = words.partition(" ")
    if scale.lower() in _SCALES:
        value, words = rf"{value} \cdot {_SCALES[scale.lower()]}", rest
    letters = words.split("^")[0].strip()
    is_variable = len(letters) == 1 and letters not in _LETTER_UNITS
    if is_variable or _NO_UNIT.search(words):
        return Quantity(text, "", per_cent=False)
    return Quantity(value, _unit_name(words), per_cent=False)


def _unit_name(words: str) -> str:
    """One name for all spellings of a unit: "square centimeters" is `cm^2`."""
    words = _NAMES.get(words.strip(" .,;"), words)
    words = re.sub(r"\s*\^\s*", "^", re.sub(r"\s*(?:/|\bper\b)\s*", " / ", words)).strip(" .,;")
    names: list[str] = []
    power = ""
    for part in words.split():
        if part.rstrip(".") in ("square", "sq", "cubic", "cu"):
            power = "^2" if part.startswith("sq") else "^3"
        else:
            names.append(part if part == "/" else _one_unit(part) + power)
            power = ""
    return " ".join(names)


def _one_unit(word: str) -> str:
    name, caret, exponent = word.strip(".").partition("^")
    if len(name) > 2 and name not in _NAMES:
        name = name.lower()
        if len(name) > 3 and name not in _NAMES and name[-1] == "s" and name[-2] != "s":
            name = name[:-1]
    return _NAMES.get(name, name) + caret + exponent
