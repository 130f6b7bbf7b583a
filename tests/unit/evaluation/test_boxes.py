"""Answers are found in boxes: the last one that is not empty, or the last ones together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eager.data.tasks import Task
from eager.evaluation.answers.boxes import extract_boxed, find_boxes, is_blank, last_box
from eager.evaluation.answers.verdicts import judge


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
        (r"\boxed{a\\}b}", "a\\\\"),
        (r"\boxed{\}}", r"\}"),
        (r"x \boxed{{1}{2}} y", "{1}{2}"),
        ("\\boxed\n{4}", "4"),
        ("\\boxed{a\\", None),
        ("no box", None),
        (r"\boxed", None),
        # Empty boxes are skipped.
        (r"\boxed{}", None),
        (r"\boxed{ } \boxed{\,}", None),
        (r"\boxed{12}, as said, in \boxed{}", "12"),
        (r"\boxed{12} \boxed{\text{ }}", "12"),
        (r"\boxed{12} so \boxed{\quad ~}", "12"),
        (r"\boxed{4} and \boxed{}", "4"),
        # The last boxes are one answer where nothing but a separator or a label is between them.
        (r"\boxed{(2,2)} and \boxed{(6,2)}", "(2,2), (6,2)"),
        (r"$\boxed{1}$, $\boxed{2}$ and $\boxed{3}$.", "1, 2, 3"),
        (r"\[\boxed{1}\quad\text{or}\quad\boxed{2}\]", "1, 2"),
        (r"\boxed{1} \\ \boxed{2}", "1, 2"),
        (r"\($y_1 = \boxed{x} \) and \( y_{2} = \boxed{x+1} \)", "x, x+1"),
        (r"\boxed{3} \text{ for part (a) and } \boxed{1}", "3, 1"),
        (r"\boxed{5} \boxed{5}", "5"),
        # A step, a repetition or a correction is none.
        (r"a = \boxed{3} and so \boxed{4}", "4"),
        (r"\boxed{3}. \boxed{4}", "4"),
        (r"\boxed{3}+\boxed{4}=\boxed{7}", "7"),
        (r"\boxed{4}, but actually \boxed{5}", "5"),
        (r"\boxed{4} for the \boxed{5}", "5"),
        ("\\boxed{4}\n\n\\boxed{5}", "5"),
    ],
)
def test_the_answer_in_boxes(text: str, answer: str | None) -> None:
    assert extract_boxed(text) == answer


@given(st.text(alphabet="ab{}\\ boxed", max_size=60))
def test_any_text_is_taken(text: str) -> None:
    for box in find_boxes(text):
        assert text[box.start : box.end].startswith("\\boxed")
        assert box.content in text
    answer = extract_boxed(text)
    assert answer is None or (last_box(text) is not None and not is_blank(answer))


def test_the_authors_rule_keeps_the_last_box_as_it_is() -> None:
    texts = [r"\boxed{3} and \boxed{4}", r"\boxed{3} in \boxed{}", r"\boxed{}", "none"]
    assert [last_box(text) for text in texts] == ["4", "", "", None]
    task = Task(id="t", problem="?", target="3", kind="math")
    rows = [
        {"text": text, "sequence_index": number, "finish_reason": "stop"}
        for number, text in enumerate(texts)
    ]
    verdicts = judge(task, rows)
    assert [v["correct_upstream"] for v in verdicts] == [False, False, False, False]
    assert [v["answer"] for v in verdicts] == ["3, 4", "3", None, None]
    assert [v["correct"] for v in verdicts] == [False, True, False, False]
    assert [v["candidate"] for v in verdicts] == [0, 1, None, None]
    assert [v["status"] for v in verdicts] == ["wrong", "ok", "no_answer", "no_answer"]
