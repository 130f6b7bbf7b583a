"""Unicode's mathematics as LaTeX: fractions, roots, raised digits, signs, letters in every font."""

from __future__ import annotations

import re
import unicodedata

# Before NFKC, which would turn them into plain letters or digits and lose their meaning.
_BEFORE = {
    "º": "°",
    "˚": "°",
    "ℝ": r"\mathbb{R}",
    "ℚ": r"\mathbb{Q}",
    "ℤ": r"\mathbb{Z}",
    "ℕ": r"\mathbb{N}",
    "ℂ": r"\mathbb{C}",
    "⋯": "...",
    **dict.fromkeys("✓✔☑✅∎■", ""),
}
_AFTER = {
    "−": "-",
    "×": r"\times ",
    "✕": r"\times ",
    "·": r"\cdot ",
    "⋅": r"\cdot ",
    "∙": r"\cdot ",
    "•": r"\cdot ",
    "∗": r"\cdot ",
    "÷": r"\div ",
    "∕": "/",
    "⁄": "/",
    "∶": ":",
    "±": r"\pm ",
    "∓": r"\mp ",
    "≤": r"\le ",
    "⩽": r"\le ",
    "≦": r"\le ",
    "≥": r"\ge ",
    "⩾": r"\ge ",
    "≧": r"\ge ",
    "≠": r"\ne ",
    "≈": r"\approx ",
    "≃": r"\approx ",
    "≅": r"\approx ",
    "∞": r"\infty ",
    "∪": r"\cup ",
    "∩": r"\cap ",
    "∈": r"\in ",
    "∉": r"\notin ",
    "∅": r"\emptyset ",
    "∖": r"\setminus ",
    "∨": r"\lor ",
    "∧": r"\land ",
    "⇒": r"\Rightarrow ",
    "→": r"\to ",
    "∠": r"\angle ",
    "△": r"\triangle ",
    "∑": r"\sum ",
    "∏": r"\prod ",
    "∫": r"\int ",
    "∂": r"\partial ",
    "⌊": r"\lfloor ",
    "⌋": r"\rfloor ",
    "⌈": r"\lceil ",
    "⌉": r"\rceil ",
    "°": r"^\circ ",
    "′": "'",
    "’": "'",
    "‘": "'",
    "“": '"',
    "”": '"',
    "。": ".",
    "、": ",",
}
_LETTERS = "αβγδεζηθικλμνξπρστυφχψω" + "ΓΔΘΛΞΠΣΦΨΩ"
_NAMES = """alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma
tau upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"""
_GREEK = dict(zip(_LETTERS, re.findall(r"\w+", _NAMES), strict=True))
_BEFORE_TABLE = str.maketrans(_BEFORE)
_AFTER_TABLE = str.maketrans(_AFTER | {k: f"\\{v} " for k, v in _GREEK.items()})
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱˣʸᵏᵐ"
_SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₙₖₘₓᵢⱼ"
_RAISED = re.compile(f"[{_SUPERSCRIPTS}]+")
_LOWERED = re.compile(f"[{_SUBSCRIPTS}]+")
_ROOT = re.compile(r"([√∛∜])\s*(\d+(?:\.\d+)?|[A-Za-zπ]|\{[^{}]*\}|\([^()]*\))")
_ROOTS = {"√": r"\sqrt", "∛": r"\sqrt[3]", "∜": r"\sqrt[4]"}
_OVERLINED = re.compile("((?:\\d\u0305)+)")
_DASHES = re.compile("[\u2010-\u2015]")
_RANGE = re.compile("\\s*[\\d.,]+\\s*[\u2010-\u2015]\\s*[\\d.,]+\\s*")


def plain_unicode(text: str) -> str:
    """A text with Unicode's mathematics as LaTeX, and without invisible characters."""
    text = _RAISED.sub(lambda run: f"^{{{_ascii(run.group())}}}", text.translate(_BEFORE_TABLE))
    text = _LOWERED.sub(lambda run: f"_{{{_ascii(run.group())}}}", text)
    text = _OVERLINED.sub(lambda run: rf"\overline{{{run.group().replace(chr(0x305), '')}}}", text)
    text = "".join(_plain_character(character) for character in text)
    text = _ROOT.sub(_root, text)
    if not _RANGE.fullmatch(text):
        text = _DASHES.sub("-", text)
    return text.translate(_AFTER_TABLE)


def _plain_character(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cf" or "\ufe00" <= character <= "\ufe0f":
        return ""
    if category == "Zs":
        return " "
    if category == "Nd":
        return str(unicodedata.digit(character))
    plain = _ascii(character)
    if "\u2044" in plain and len(plain) > 1:
        numerator, denominator = plain.split("\u2044")
        return rf"\frac{{{numerator}}}{{{denominator}}}"
    return plain


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKC", text).replace("\u2212", "-")


def _root(match: re.Match[str]) -> str:
    sign, radicand = match.groups()
    if radicand[0] in "({":
        radicand = radicand[1:-1]
    return f"{_ROOTS[sign]}{{{radicand}}}"
