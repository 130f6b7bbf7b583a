"""One spelling: formatting never changes a verdict, what means something does."""

from __future__ import annotations

import string
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from eager.evaluation.answers.exact_numbers import based_number, exact_value
from eager.evaluation.answers.matching import is_equivalent
from eager.evaluation.answers.normalize import normalize
from eager.evaluation.answers.quantities import split_quantity
from eager.evaluation.answers.sets import (
    as_intervals,
    is_finite_set,
    is_tuple,
    members,
    repetitions,
)
from eager.evaluation.answers.unicode_math import plain_unicode

FONTS = r"""\text \textrm \textbf \textit \texttt \mathrm \mathbf \mathit \mathsf \mathtt \bm
\boldsymbol \underline \emph \mbox \hbox \ensuremath \color{{red}} \textcolor{{blue}} \fbox"""
DRESSES = [
    *(f"{font}{{{{{{}}}}}}" for font in FONTS.split()),
    *(r"\large {}", r"\displaystyle {}", r"{{\bf {}}}", r"\;{}\,", "~{}"),
    *("${}$", "$${}$$", r"\({}\)", r"\[{}\]", "**{}**", "`{}`", "{{{}}}", "{}\\\\", "{}~"),
    *("= {}", r"\approx {}", r"\Rightarrow {}", r"\text{{The answer is }}{}", r"{}\text{{ }}"),
    *(
        "{}.",
        "{},",
        "{};",
        "{}。",
        "{}\u200b",
        "\ufeff{}",
        "\u3000{}",
        r"{}\hfill",
        r"{}\text{{.}}",
    ),
]
INTEGERS = st.integers(-(10**9), 10**9)
DIGITS = "0123456789"
SCRIPTS = [DIGITS, "０１２３４５６７８９", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗", "٠١٢٣٤٥٦٧٨٩"]


@given(INTEGERS, st.lists(st.sampled_from(DRESSES), max_size=2, unique=True))
def test_dress_never_changes_a_number(number: int, dresses: list[str]) -> None:
    text = str(number)
    for dress in dresses:
        text = dress.format(text)
    assert is_equivalent(text, str(number)), text
    assert not is_equivalent(text, str(number + 1)), text


@given(INTEGERS, st.sampled_from(SCRIPTS), st.sampled_from("-−﹣－"))
def test_digits_and_signs_of_every_script(number: int, script: str, minus: str) -> None:
    text = str(number).replace("-", minus).translate(str.maketrans(DIGITS, script))
    assert is_equivalent(text, str(number))


@given(
    st.integers(1000, 10**12),
    st.sampled_from([",", "{,}", r"\,", r"\!,", r",\!", "\u2009", "\u00a0", "~"]),
)
def test_separators_of_thousands(number: int, separator: str) -> None:
    text = f"{number:,}".replace(",", separator)
    assert is_equivalent(text, str(number))
    assert not is_equivalent(text, str(number - 1))


DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=12)


@given(DECIMALS, DECIMALS)
@example(Decimal("0.0000012"), Decimal("0.0000014"))
def test_decimals_differ_as_their_digits_do(a: Decimal, b: Decimal) -> None:
    assert is_equivalent(f"{a:f}", f"{b:f}") is (a == b)


@given(
    st.integers(-(10**6), 10**6), st.integers(0, 40), st.integers(1, 9), st.sampled_from(["e", "E"])
)
def test_a_float_is_changed_by_its_last_digit(digits: int, down: int, step: int, e: str) -> None:
    assert not is_equivalent(f"{digits}{e}-{down}", f"{digits + step}{e}-{down}")
    assert is_equivalent(f"{digits}{e}-{down}", rf"{digits} \times 10^{{-{down}}}")


FRACTIONS = st.fractions(min_value=-(10**30), max_value=10**30, max_denominator=10**30)


@given(FRACTIONS, FRACTIONS)
def test_different_exact_numbers_are_never_equal(a: Fraction, b: Fraction) -> None:
    def latex(value: Fraction) -> str:
        sign = "-" if value < 0 else ""
        return rf"{sign}\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"

    assert is_equivalent(latex(a), latex(b)) is (a == b)
    assert is_equivalent(latex(a), f"{a.numerator}/{a.denominator}")
    assert exact_value(latex(a)) == a


@given(st.integers(0, 99), st.integers(0, 999), st.integers(1, 999))
def test_repeating_decimals(whole: int, start: int, period: int) -> None:
    text = rf"{whole}.{start}\overline{{{period}}}"
    digits = len(str(start)), len(str(period))
    value = whole + (start + Fraction(period, 10 ** digits[1] - 1)) / 10 ** digits[0]
    assert exact_value(text) == value
    assert exact_value(text.replace(r"\overline{", "(").replace("}", ")")) == value


@given(st.integers(0, 10**6), st.integers(2, 16), st.integers(2, 16))
def test_a_base_counts(number: int, base: int, other: int) -> None:
    def digits(value: int) -> str:
        rest, last = divmod(value, base)
        return (digits(rest) if rest else "") + (string.digits + "ABCDEF")[last]

    text = digits(number)
    assume(not text.isalpha() or len(text) > 1)
    assert is_equivalent(f"{text}_{{{base}}}", rf"{text}_{{\text{{{base}}}}}")
    assert is_equivalent(f"{text}_{{{base}}}", f"{text}_{{{other}}}") is (base == other)
    assert not is_equivalent(f"{text}_{{{base}}}", str(number))


UNITS = ["cm", "km", "m", "hours", "minutes", "dollars", "cents", "apples", "square feet", "m/s"]


@given(INTEGERS, st.sampled_from(UNITS), st.sampled_from(UNITS))
def test_units_are_kept(number: int, unit: str, other: str) -> None:
    answer = rf"{number}\text{{ {unit}}}"
    assert is_equivalent(answer, str(number))
    assert is_equivalent(answer, rf"{number}\ \mathrm{{{unit}}}")
    assert is_equivalent(answer, rf"{number}\text{{ {other}}}") is (unit == other)
    assert not is_equivalent(answer, str(number + 1))


@given(st.text(max_size=80))
def test_any_text_has_a_spelling(text: str) -> None:
    normalize(text)
    plain = normalize(plain_unicode(text))
    exact_value(plain)
    based_number(plain)
    split_quantity(plain)
    as_intervals(plain)
    members(plain)


MARKS = st.text(alphabet=r"\{}()[]$^_.,;:=<>|&%*'+-/! 0123456789abcdexit", max_size=40)


@given(MARKS)
def test_a_text_equals_itself_however_spelled(text: str) -> None:
    if normalize(text):
        assert is_equivalent(text, f" {text} ")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234.5", Fraction("1234.5")),
        ("1 1/2", Fraction(3, 2)),
        (r"-1\frac{1}{2}", Fraction(-3, 2)),
        (r"\frac12", Fraction(1, 2)),
        ("10^{-3}", Fraction(1, 1000)),
        (".5", Fraction(1, 2)),
        ("0.1666...", Fraction(1, 6)),
        ("0.1212...", Fraction(4, 33)),
        (r"0.\dot{1}4285\dot{7}", Fraction(1, 7)),
        ("1/0", None),
        ("310^5", None),
        (r"1\frac{-1}{2}", None),
        ("1e999", None),
        ("0.12...", None),
        ("1,23", None),
        ("9" * 501, None),
        ("", None),
        ("x", None),
    ],
)
def test_exact_values(text: str, value: Fraction | None) -> None:
    assert exact_value(text) == value


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        (r"5\text{sq. ft.}", "5", "foot^2"),
        (r"5\text{cubic inches}", "5", "inch^3"),
        (r"5\text{Miles per hour}", "5", "mile / h"),
        (r"5\text{mph}", "5", "mile / h"),
        (r"5\text{glasses}", "5", "glasse"),
        (r"-\$5", "-5", "dollar"),
        (r"\$5\text{each}", "5", "dollar each"),
        (r"5^\circ", "5", "degree"),
        (r"5\text{x}", r"5\text{x}", ""),
        (r"5\text{mod}7", r"5\text{mod}7", ""),
        (r"\text{cm}", r"\text{cm}", ""),
    ],
)
def test_values_and_units(text: str, value: str, unit: str) -> None:
    quantity = split_quantity(text)
    assert (quantity.text, quantity.unit, quantity.per_cent) == (value, unit, False)


def test_spellings_and_bases() -> None:
    assert normalize(r"\operatorname{sin} x") == r"\sin x"
    assert normalize(r"5\,{\rm cm}.") == r"5 \text{cm}"
    assert normalize(r"3\text{ }x") == "3 x"
    for text in ("5_{40}", "5_1", "19_8", "ab_{12}", "x_2"):
        assert based_number(text) is None, text


def test_brackets() -> None:
    assert members(r"(1,2), \{3,4\} \text{ and } 5;6") == ["(1,2)", r"\{3,4\}", "5", "6"]
    assert is_tuple("(1,(2,3))")
    assert not is_tuple("(1,2),(3,4)")
    assert not is_tuple("(1)")
    assert not is_tuple("1,2")
    assert is_finite_set(r"\{1,2\}")
    assert not is_finite_set(r"\{x : x>1, x<2\}")
    assert not is_finite_set(r"\{1\}")
    assert repetitions("1,1,2,1") == 2
    assert as_intervals(r"x<2\text{ or }x\ge 3") == r"(-\infty, 2) \cup [3, \infty)"
    assert as_intervals(r"x<2\text{ or }y>3") == r"x<2\text{ or }y>3"
    assert as_intervals("3>x>1 or 5<x<6") == r"(1, 3) \cup (5, 6)"
    assert as_intervals("1<x>3 or x<0") == "1<x>3 or x<0"
