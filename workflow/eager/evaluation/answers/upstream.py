"""The authors' grading: the rules of their recap script, as pure functions of texts.

They differ from ours (`answers.py`, `metrics.py`) in what an answer is, in what is right, and in
who votes. Programs are not concerned: they are graded by their tests alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

BOX = "\\boxed{"


class UpstreamGrade(NamedTuple):
    """One prompt by the authors' rules.

    Attributes:
        solved: an answer contains the target, as a text ("3" is in "13"): Pass@k.
        majority_correct: the commonest answer equals the target; sequences without an answer vote
            for the empty one, and a tie goes to the answer seen first: Cons@max.
        share_correct: share of the answers that equal the target: PassRate.
    """

    solved: bool
    majority_correct: bool
    share_correct: float


def authors_box(text: str) -> str:
    r"""Content of the last `\boxed{`; empty if there is none or it is not closed.

    Unlike ours, an earlier box does not count where the last is cut off.
    """
    start = text.rfind(BOX)
    if start < 0:
        return ""
    depth = 0
    for position in range(start + len(BOX) - 1, len(text)):
        depth += (text[position] == "{") - (text[position] == "}")
        if depth == 0:
            return text[start + len(BOX) : position]
    return ""


def answers_upstream(method: str, prompt: str, texts: Sequence[str]) -> list[str]:
    """The answers of a prompt's sequences; empty: none.

    Args:
        method: for `parallel` a box is looked for in the generated text, for every other method in
            the prompt too, so that a prompt with a box answers itself.
        prompt: the prompt as the model sees it.
        texts: what each sequence generated, inherited part included.
    """
    before = "" if method == "parallel" else prompt
    return [authors_box(before + text) for text in texts]


def grade_answers(answers: Sequence[str], target: str) -> UpstreamGrade:
    """Grade the answers of one prompt, in order, against its target.

    Raises:
        ValueError: there is no answer.
    """
    if not answers:
        raise ValueError("a grade needs at least one sequence")
    votes = Counter(answers)
    # Counter keeps the order of first sight, and max takes the first of equals.
    winner = max(votes, key=lambda answer: votes[answer])
    return UpstreamGrade(
        solved=any(target in answer for answer in answers),
        majority_correct=winner == target,
        share_correct=fmean(answer == target for answer in answers),
    )
