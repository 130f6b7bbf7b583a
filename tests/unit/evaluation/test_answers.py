"""Answers are found in text and compared as the method asks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eager.evaluation.answers import (
    extract_boxed,
    extract_letter,
    group_equivalent,
    is_correct,
    is_correct_upstream,
)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so \boxed{42}.", "42"),
        (r"\boxed{1} and then \boxed{2}", "2"),
        (r"\boxed {\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{\text{a } \} }", r"\text{a } \}"),
        (r"\boxed{7} but then \boxed{cut off", "7"),
        (r"\boxed{outer \boxed{inner} rest}", "inner"),
        (r"\boxed{ 5 }", "5"),
        (r"\boxed{}", ""),
        ("no box", None),
        (r"\boxed", None),
    ],
)
def test_last_balanced_box(text: str, answer: str | None) -> None:
    assert extract_boxed(text) == answer


@given(st.text(alphabet="ab{}\\ boxed", max_size=60))
def test_any_text_is_taken(text: str) -> None:
    answer = extract_boxed(text)
    assert answer is None or answer in text


@pytest.mark.parametrize(
    ("answer", "target", "right"),
    [
        ("42", "42", True),
        ("042", "42", True),
        ("+42", "42", True),
        ("-42", "42", False),
        ("1,000", "1000", True),
        ("10{,}000", "10000", True),
        ("1,00", "100", False),
        ("13", "3", False),
        (r"\frac{84}{2}", "42", True),
        ("42.0", "42", True),
        (r"\frac12", "0.5", True),
        (r"\frac{\sqrt{3}}{3}", r"\frac{1}{\sqrt{3}}", True),
        (
            r"\frac{-1-\sqrt{17}}{2}, \frac{-1+\sqrt{17}}{2}",
            r"\frac{-1+\sqrt{17}}{2}, \frac{-1-\sqrt{17}}{2}",
            True,
        ),
        (r"\frac{-1+\sqrt{17}}{2}", r"\frac{-1+\sqrt{17}}{2}, \frac{-1-\sqrt{17}}{2}", False),
        ("x^2", "x^3", False),
        ("", "3", False),
        ("__import__('os').getpid()", "3", False),
        ("9" * 5000, "3", False),
        (None, "3", False),
    ],
)
def test_math(answer: str | None, target: str, right: bool) -> None:
    assert is_correct(answer, target, "math") is right


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("B", "B"),
        ("b", "B"),
        ("(C)", "C"),
        (r"\text{D}", "D"),
        (r"\textbf{(A)}", "A"),
        ("A. because", "A"),
        ("Because", None),
        ("a photon", None),
        ("", None),
        ("7", None),
    ],
)
def test_letters(answer: str, letter: str | None) -> None:
    assert extract_letter(answer) == letter
    assert is_correct(answer, letter or "A", "choice") is (letter is not None)


def test_authors_rule_accepts_a_substring() -> None:
    assert is_correct_upstream("13", "3")
    assert not is_correct("13", "3", "math")
    assert not is_correct_upstream("4", "3")
    assert not is_correct_upstream(None, "3")


def test_equivalent_answers_are_one_candidate() -> None:
    answers = [None, "1/2", "3", r"\frac{1}{2}", "0.5", "3.0", None]
    assert group_equivalent(answers, "math") == [None, 0, 1, 0, 0, 1, None]
    assert group_equivalent(["(B)", "C", "b", None], "choice") == [0, 1, 0, None]
