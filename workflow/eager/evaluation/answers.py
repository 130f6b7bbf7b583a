"""Answers out of text, and whether they are right. Model text is parsed, never evaluated."""

from __future__ import annotations

import re
from functools import lru_cache

from eager.evaluation.equivalence import LONGEST_TEXT, is_symbolically_equal

BOXED = re.compile(r"\\boxed\s*\{")
INTEGER = re.compile(r"[+-]?\d+")
THOUSANDS = re.compile(r"(?<=\d)(?:,|\\,|\{,\}|,?\\!\s*| )(?=\d{3}(?!\d))")
DECIMAL_POINT, DECIMAL_COMMA = re.compile(r"\d+\.\d+"), re.compile(r"\d+,\d+")
CURRENCY = re.compile(r"\\\$|^\s*\$(?=\d[\d.,]*\s*$)")
MATHEMATICS = re.compile(
    r"\$\$[^$]+\$\$|\$[^$\n]+\$|\\\((?:[^\\\n]|\\(?!\)))+\\\)|\\\[(?:[^\\]|\\(?!\]))+\\\]"
)
WORD = re.compile(r"(?:^|(?<=\s))[A-Za-z]{2,}(?=[\s.,:;]|$)")
NUMBER = re.compile(r"(?<![\d.,/])-?(?:\d{1,3}(?:[, ]\d{3})+(?!\d)|\d+)(?:[.,]\d+)?(?:/\d+)?")


def extract_boxed(text: str) -> str | None:
    r"""Content of the last `\boxed{...}` with balanced braces, stripped; None if there is none.

    A box that is cut off by the end of the text does not count; the one before it does.
    """
    for match in reversed(list(BOXED.finditer(text))):
        depth = 0
        position = match.end() - 1
        while position < len(text):
            character = text[position]
            if character == "\\":
                position += 2
                continue
            depth += (character == "{") - (character == "}")
            if depth == 0:
                return text[match.end() : position].strip()
            position += 1
    return None


def extract_letter(answer: str) -> str | None:
    r"""The letter of a multiple-choice answer such as `B`, `(B)`, `\text{B}` or `B. because`."""
    bare = re.sub(r"\\(?:textbf|text|mathrm|mathbf)\s*", "", answer.strip())
    match = re.match(r"[\s({\[$*]*([A-Za-z])(?=$|[.,:;)}\]$*])", bare)
    return match.group(1).upper() if match else None


def is_correct(answer: str | None, target: str, kind: str) -> bool:
    """Whether an answer is right: integers as integers, letters as letters, else equivalence.

    Args:
        answer: content of the box; None is wrong.
        target: the right answer.
        kind: "math" or "choice".
    """
    if answer is None:
        return False
    if kind == "choice":
        return extract_letter(answer) == target.strip().upper()
    return is_equivalent(answer, target)


def is_correct_upstream(answer: str | None, target: str) -> bool:
    """The authors' rule: equal, or the target is a substring of the answer ("3" in "13")."""
    return answer is not None and target in answer


@lru_cache(maxsize=100_000)
def is_equivalent(answer: str, target: str) -> bool:
    """Whether two mathematical answers mean the same.

    Two integers are compared as integers; everything else by math-verify, in a process with
    limits. An answer that cannot be parsed, or not in time, is not equivalent. Either may be a
    whole reply; then its last mathematics or number counts.
    """
    if answer == target:
        return True
    integers = _integer(answer), _integer(target)
    if None not in integers:
        return integers[0] == integers[1]
    if DECIMAL_POINT.fullmatch(target) and DECIMAL_COMMA.fullmatch(answer):
        answer = answer.replace(",", ".")
    elif DECIMAL_POINT.fullmatch(answer) and DECIMAL_COMMA.fullmatch(target):
        target = target.replace(",", ".")
    return is_symbolically_equal(_conclusion(answer), _conclusion(target))


def group_equivalent(answers: list[str | None], kind: str) -> list[int | None]:
    """Number the candidates of a vote: equivalent answers share a number, in order of first sight.

    Args:
        answers: one per sequence; None does not vote.
        kind: "math" or "choice".
    """
    representatives: list[str] = []
    groups: list[int | None] = []
    for answer in answers:
        if answer is None:
            groups.append(None)
            continue
        candidate = extract_letter(answer) or answer if kind == "choice" else answer
        for number, representative in enumerate(representatives):
            if candidate == representative or (
                kind == "math" and is_equivalent(candidate, representative)
            ):
                groups.append(number)
                break
        else:
            groups.append(len(representatives))
            representatives.append(candidate)
    return groups


def _integer(text: str) -> int | None:
    bare = THOUSANDS.sub("", text.strip().strip("$").strip())
    return int(bare) if INTEGER.fullmatch(bare) and len(bare) <= LONGEST_TEXT else None


def _conclusion(text: str) -> str:
    """The part of a text to compare: all of a formula, the end of a reply."""
    text = CURRENCY.sub("", text)
    formulas = list(MATHEMATICS.finditer(text))
    prose = MATHEMATICS.sub(" ", text)
    if BOXED.search(text) is None:
        if len(WORD.findall(prose)) < (4 if "\\" in prose else 2):
            return text
        after = text[formulas[-1].end() :] if formulas else text
        if numbers := NUMBER.findall(after):
            return THOUSANDS.sub("", numbers[-1])
    if len(text) <= LONGEST_TEXT:
        return text
    near = [match.start() for match in formulas if match.start() >= len(text) - LONGEST_TEXT]
    return text[near[0] :] if near else extract_boxed(text) or text
