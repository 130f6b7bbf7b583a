"""Whole replies as answers: the part that counts is found, however long the reply is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from eager.evaluation.answers import equivalence
from eager.evaluation.answers.equivalence import LONGEST_TEXT, ComparisonProcess, end_comparisons
from eager.evaluation.answers.matching import (
    group_equivalent,
    is_correct,
    is_equivalent,
)

HALF = "$\\frac{1}{2}$"
LONG = "So we go on and on with the sum. " * 30


@pytest.mark.parametrize(
    ("answer", "target", "right"),
    [
        # A decimal comma, on either side.
        ("2,5", "2.5", True),
        ("2.5", "2,5", True),
        ("2,5", "2.6", False),
        ("2.6", "2,5", False),
        # The last number of a reply without mathematics.
        ("The answer is 12 apples, that is 3 baskets", "3", True),
        ("The answer is 12 apples, that is 3 baskets", "12", False),
        ("Together they pay 1,250 coins", "1250", True),
        ("We need 1/2 of the flour", "1/2", True),
        ("We need 1/2 of the flour", "2", False),
        # A number that is not the answer, or not all of it.
        ("$4$ or 3", "4", False),
        ("$4$ or 3", "3", False),
        ("5 or 6 apples", "6", False),
        ("at least 42 apples", "42", False),
        ("It is not 42 here", "42", False),
        ("42 or more people", "42", False),
        ("the roots are 3 and 4", "4", False),
        ("The final answer is $4$. I hope it is correct", "4", True),
        # Two words make a reply of a text, four where it has commands.
        ("3 of the 4", "4", True),
        (r"\frac{1}{2} square cm", "\\frac{1}{2}", True),
        (r"\frac{1}{2} square cm", "2", False),
        (r"not \frac{1}{2} but all of 3", "3", True),
        # What follows the last formula, else the last formula.
        ("With $x = 4$ there remain only 7 of them", "7", True),
        ("With $y = 4$ the other side becomes $9$", "9", True),
        # Long replies: the last formula near the end, else the last box, else nothing to compare.
        (LONG + "At last $x$ is $\\frac{1}{2}$", "\\frac{1}{2}", True),
        (LONG + "\\boxed{\\frac{1}{2}}" + LONG, "\\frac{1}{2}", True),
        ("$\\frac{1}{3}$ " + LONG + "\\boxed{\\frac{1}{2}}" + LONG, "\\frac{1}{2}", True),
        ("$\\frac{1}{2}$ " + LONG, "\\frac{1}{2}", False),
        (LONG + HALF + "." * (LONGEST_TEXT - len(HALF)), "\\frac{1}{2}", True),
        (LONG + HALF + "." * (LONGEST_TEXT - len(HALF) + 1), "\\frac{1}{2}", False),
        (LONG, "3", False),
        # Money, and separators of thousands that are none.
        (r"\$1,234.50", "1234.5", True),
        ("$15", "15", True),
        ("1,2", "12", False),
        ("-1,000", "-1000", True),
        ("5" * LONGEST_TEXT, "5" * LONGEST_TEXT, True),
        ("0" + "5" * (LONGEST_TEXT - 1), "5" * (LONGEST_TEXT - 1), True),
    ],
)
def test_what_a_reply_concludes(answer: str, target: str, right: bool) -> None:
    assert is_equivalent(answer, target) is right
    assert is_correct(answer, target, "math") is right


def test_a_letter_is_compared_with_a_letter() -> None:
    assert is_correct(r"\text{b}", " b ", "choice")
    assert not is_correct("1", "1.0", "choice")


def test_a_vote_without_letters_keeps_the_text() -> None:
    assert group_equivalent(["none of them", "A", "none of them", "1/2", "0.5"], "choice") == [
        *(0, 1, 0),
        *(2, 3),
    ]


def test_a_vote_on_mathematics_does_not_look_for_letters() -> None:
    assert group_equivalent(["a, 1", "a, 2", "a, 1"], "math") == [0, 1, 0]


def test_a_process_that_ends_is_reported_with_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nread line\nexit 7\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    with pytest.raises(
        RuntimeError, match=r"^the process that compares answers ended with code 7$"
    ):
        ComparisonProcess().compare("1", "1")


def test_comparisons_start_again_after_their_end() -> None:
    assert is_equivalent("0.25", "1/4")
    end_comparisons()
    assert equivalence._process.cache_info().currsize == 0
    assert is_equivalent("0.75", "3/4")
