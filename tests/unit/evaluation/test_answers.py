"""Answers are compared as the method asks."""

from __future__ import annotations

import pytest

from eager.evaluation.answers.matching import group_equivalent, is_correct, is_correct_upstream


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


def test_authors_rule_accepts_a_substring() -> None:
    assert is_correct_upstream("13", "3")
    assert not is_correct("13", "3", "math")
    assert not is_correct_upstream("4", "3")
    assert not is_correct_upstream(None, "3")


def test_equivalent_answers_are_one_candidate() -> None:
    answers = [None, "1/2", "3", r"\frac{1}{2}", "0.5", "3.0", None]
    assert group_equivalent(answers, "math") == [None, 0, 1, 0, 0, 1, None]
    assert group_equivalent(["(B)", "C", "b", None], "choice") == [0, 1, 0, None]


def test_blank_answers_do_not_vote() -> None:
    assert group_equivalent(["", r"\,", "7", r"\text{ }", "7."], "math") == [None, None, 0, None, 0]
    assert group_equivalent([" ", "B"], "choice") == [None, 0]


def test_votes_follow_the_comparison() -> None:
    answers = [r"5\text{ km}", r"5\text{ m}", "1.6e-19", "1.7e-19", r"2+3\mathrm{i}", "5", "2+3i"]
    assert group_equivalent(answers, "math") == [0, 1, 2, 3, 4, 0, 4]
    letters = [r"\text{Option B}", "A, C", "B - text", "(A) and (C)", "A, C"]
    assert group_equivalent(letters, "choice") == [0, 1, 0, 2, 1]
