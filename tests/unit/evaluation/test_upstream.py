"""The authors' grading: known cases, and a literal count on random ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eager.evaluation.answers.upstream import answers_upstream, authors_box, grade_answers


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"\boxed{4} or \boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"no box", ""),
        # Ours takes the earlier box where the last is cut off; theirs takes none.
        (r"\boxed{4}, so \boxed{2", ""),
        (r"\boxed{}", ""),
        (r"\boxed{ 4 }", " 4 "),
    ],
)
def test_the_last_box(text: str, answer: str) -> None:
    assert authors_box(text) == answer


def test_a_box_in_the_prompt_answers_for_the_methods_of_eager() -> None:
    prompt, texts = r"such as \boxed{A}.", ["hm", r"\boxed{B}"]
    assert answers_upstream("eager_init", prompt, texts) == ["A", "B"]
    assert answers_upstream("eager", prompt, texts) == ["A", "B"]
    assert answers_upstream("parallel", prompt, texts) == ["", "B"]


ANSWERS = st.lists(st.sampled_from(["", "3", "13", "4", "3 "]), min_size=1, max_size=7)


@given(ANSWERS, st.sampled_from(["3", "4", "13"]))
def test_grades_equal_a_literal_count(answers: list[str], target: str) -> None:
    grade = grade_answers(answers, target)
    assert grade.solved == any(answer.find(target) >= 0 for answer in answers)
    assert grade.share_correct == pytest.approx(answers.count(target) / len(answers))
    most = max(answers.count(answer) for answer in answers)
    first = next(answer for answer in answers if answers.count(answer) == most)
    assert grade.majority_correct == (first == target)


def test_nothing_to_grade_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one sequence"):
        grade_answers([], "3")
