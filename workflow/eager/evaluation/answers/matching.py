"""Whether answers are right, and which of them are the same. Model text is parsed, never evaluated.

An answer is brought into one spelling (`normalize`), plain numbers are compared exactly and with
what they are measured in (`quantities`), and only the rest goes to math-verify (`equivalence`).
"""

from __future__ import annotations

import re
from functools import lru_cache

from eager.evaluation.answers.boxes import BOXED, extract_boxed, is_blank
from eager.evaluation.answers.equivalence import LONGEST_TEXT, is_symbolically_equal
from eager.evaluation.answers.exact_numbers import THOUSANDS, based_number, exact_value
from eager.evaluation.answers.letters import extract_letter
from eager.evaluation.answers.normalize import normalize
from eager.evaluation.answers.quantities import Quantity, split_quantity
from eager.evaluation.answers.sets import (
    as_intervals,
    is_finite_set,
    is_tuple,
    members,
    repetitions,
)

__all__ = [
    "extract_boxed",
    "extract_letter",
    "group_equivalent",
    "is_correct",
    "is_correct_upstream",
    "is_equivalent",
]

DECIMAL_POINT, DECIMAL_COMMA = re.compile(r"[-+]?\d+\.\d+"), re.compile(r"[-+]?\d+,\d+")
GROUPED = re.compile(r"[-+]?[1-9]\d{0,2}(?:,\d{3})+")
LIST = re.compile(r"[-+]?\d+(?:\s*,\s+[-+]?\d+)+")
MATHEMATICS = re.compile(
    r"\$\$[^$]+\$\$|\$[^$\n]+\$|\\\((?:[^\\\n]|\\(?!\)))+\\\)|\\\[(?:[^\\]|\\(?!\]))+\\\]"
)
FINAL = re.compile(r"final answer is:?\s*(\$[^$\n]+\$)", re.IGNORECASE)
WORD = re.compile(r"(?:^|(?<=\s))[A-Za-z]{2,}(?=[\s.,:;]|$)")
NUMBER = re.compile(r"(?<![\d.,/])-?(?:\d{1,3}(?:[, ]\d{3})+(?!\d)|\d+)(?:[.,]\d+)?(?:/\d+)?")
WORDS = re.compile(
    r"(?:\\text\{)?\(?(?:(?:an?|the) )?([A-Za-z]{2,}(?:['-][A-Za-z]{2,})*(?: [A-Za-z'-]+)*)\)?\}?",
    re.IGNORECASE,
)
# What says that the number after it, or before it, is not the answer, or not all of it.
NOT_THIS = re.compile(
    r"\b(?:not|nor|least|most|than|between|over|under)\s+(?:\w+\s+)?\$?$"
    r"|\d[^.]*(?:\b(?:or|and)|,)\s+\$?$",
    re.IGNORECASE,
)
NOT_THAT = re.compile(r"\D*\b(?:or|and) (?:more|less|fewer|greater|above|below)|.*\bwrong\b")
# Signs that math-verify drops.
UNREAD = ("\\equiv", "\\ldots")
SHORT_WORDS = {"yes", "no", "odd", "all", "dne", "even", "none", "true"}
WITH_UNITS = re.compile(r"\\text|\\%|\^\\circ|\\?\$")


def is_correct(answer: str | None, target: str, kind: str) -> bool:
    """Whether an answer is right: letters as letters, mathematics by `is_equivalent`.

    Args:
        answer: content of the box; None is wrong.
        target: the right answer.
        kind: "math" or "choice".
    """
    if answer is None:
        return False
    if kind == "choice":
        letter = extract_letter(answer)
        return letter is not None and letter == (extract_letter(target) or target.strip().upper())
    return is_equivalent(answer, target)


def is_correct_upstream(answer: str | None, target: str) -> bool:
    """The authors' rule: equal, or the target is a substring of the answer ("3" in "13")."""
    return answer is not None and target in answer


@lru_cache(maxsize=100_000)
def is_equivalent(answer: str, target: str) -> bool:
    """Whether two mathematical answers mean the same.

    Exact numbers are compared exactly, everything else by math-verify, in a process with limits.
    An answer that cannot be parsed, or not in time, is not equivalent. Either may be a whole
    reply; then its last mathematics or number counts.
    """
    if answer == target:
        return True
    concluded = [_conclusion(text) for text in (answer, target)]
    if max(map(len, concluded)) > LONGEST_TEXT:
        return False
    a, b = map(normalize, concluded)
    if a == b:
        return a != ""
    return _same_answer(*_same_separators(a, b))


def group_equivalent(answers: list[str | None], kind: str) -> list[int | None]:
    """Number the candidates of a vote: equivalent answers share a number, in order of first sight.

    Args:
        answers: one per sequence; None and blank ones do not vote.
        kind: "math" or "choice".
    """
    representatives: list[str] = []
    groups: list[int | None] = []
    for answer in answers:
        if answer is None or is_blank(answer):
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


def _same_answer(a: str, b: str) -> bool:
    based = based_number(a), based_number(b)
    if based != (None, None):
        return based[0] == based[1]
    if len(a) == len(b) == 1 and a.isalpha() and b.isalpha():
        return False  # math-verify does not tell capitals from small letters
    words = _words(a), _words(b)
    if words != (None, None):
        return a.casefold() == b.casefold() if None in words else words[0] == words[1]
    return _same_quantities(a, b)


def _same_quantities(a: str, b: str) -> bool:
    """Members of a list with units are compared one by one, in any order."""
    ours, theirs = members(a), members(b)
    if len(theirs) == 1 or len(ours) != len(theirs) or not WITH_UNITS.search(a + b):
        return _same_quantity(split_quantity(a), split_quantity(b))
    for member in ours:
        quantity = split_quantity(member)
        found = [other for other in theirs if _same_quantity(quantity, split_quantity(other))]
        if not found:
            return False
        theirs.remove(found[0])
    return True


def _same_quantity(a: Quantity, b: Quantity) -> bool:
    """A unit on one side only is taken for granted; per cent may be meant as a share or not."""
    if a.unit and b.unit and a.unit != b.unit:
        return False
    if a.per_cent and not b.per_cent:
        return _same_value(a.text, b.text) or _same_value(_share(a.text), b.text)
    if b.per_cent and not a.per_cent:
        return _same_value(a.text, b.text) or _same_value(a.text, _share(b.text))
    return _same_value(a.text, b.text)


def _share(text: str) -> str:
    value = exact_value(text)
    return rf"\frac{{{text}}}{{100}}" if value is None else str(value / 100)


def _same_value(a: str, b: str) -> bool:
    values = exact_value(a), exact_value(b)
    if None not in values:
        return values[0] == values[1]
    if (is_finite_set(a) and is_tuple(b)) or (is_tuple(a) and is_finite_set(b)):
        return False
    if any((sign in a) != (sign in b) for sign in UNREAD) or repetitions(a) != repetitions(b):
        return False
    return _same_expression(a, b)


def _same_expression(a: str, b: str) -> bool:
    return (a + b).isascii() and is_symbolically_equal(as_intervals(a), as_intervals(b))


def _same_separators(a: str, b: str) -> tuple[str, str]:
    """Commas as the other side has them: a comma separates thousands, members or decimals."""
    if GROUPED.fullmatch(a) and LIST.fullmatch(b):
        return a.replace(",", ", "), b
    if GROUPED.fullmatch(b) and LIST.fullmatch(a):
        return a, b.replace(",", ", ")
    if DECIMAL_POINT.fullmatch(b) and DECIMAL_COMMA.fullmatch(a) and not GROUPED.fullmatch(a):
        return a.replace(",", "."), b
    if DECIMAL_POINT.fullmatch(a) and DECIMAL_COMMA.fullmatch(b) and not GROUPED.fullmatch(b):
        return a, b.replace(",", ".")
    return a, b


def _words(text: str) -> str | None:
    """A text of words in small letters; None for all that may be a product of variables."""
    match = WORDS.fullmatch(text)
    if match is None:
        return None
    words = " ".join(match[1].casefold().split())
    return words if "\\text" in text or len(words) > 4 or words in SHORT_WORDS else None


def _conclusion(text: str) -> str:
    """The part of a text to compare: what is in its box, all of a formula, the end of a reply."""
    if final := FINAL.findall(text):
        return str(final[-1])
    if BOXED.search(text):
        return extract_boxed(text) or ""
    formulas = list(MATHEMATICS.finditer(text))
    prose = MATHEMATICS.sub(" ", text)
    if len(WORD.findall(prose)) < (4 if "\\" in prose else 2):
        return text
    start = formulas[-1].end() if formulas else 0
    if numbers := list(NUMBER.finditer(text, start)):
        before, after = text[: numbers[-1].start()], text[numbers[-1].end() :]
        sentence = re.split(r"[.!?]\s|\n", before)[-1]
        is_hedged = NOT_THIS.search(sentence) or NOT_THAT.match(after)
        return text if is_hedged else THOUSANDS.sub("", numbers[-1].group())
    if len(text) <= LONGEST_TEXT:
        return text
    near = [match.start() for match in formulas if match.start() >= len(text) - LONGEST_TEXT]
    return text[near[0] :] if near else text
