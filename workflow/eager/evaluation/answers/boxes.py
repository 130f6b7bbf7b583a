r"""Content of `\boxed{...}` in a text: the last box, or the last ones that belong together."""

from __future__ import annotations

import re
from typing import NamedTuple

BOXED = re.compile(r"\\boxed\s*\{")
BLANK = re.compile(r"(?:\s|\\[,;:! ]|~|\\q?quad(?![a-zA-Z])|\\text\s*\{\s*\}|\{\s*\}|\$)*")
BETWEEN = re.compile(
    r"\\(?:text|mbox|textrm|mathrm)\s*\{|\\(?:q?quad|and|land|lor|cup|vee|wedge)(?![a-zA-Z])"
    r"|\\[()\[\],;:! \\]|[$~{}*]"
)
LABEL = re.compile(r"[A-Za-z]{1,3}(?:_\{?\w+\}?)?\s*(?:=|\\in(?![a-zA-Z]))")
SEPARATOR = re.compile(r"[,;&]|\b(?:and|or)\b")
JOINING_WORDS = {"and", "or", "for", "part", "parts", "the", "a", "b", "c"}


class Box(NamedTuple):
    """A box with balanced braces: where it starts and ends in the text, and its content."""

    start: int
    end: int
    content: str


def find_boxes(text: str) -> list[Box]:
    r"""All boxes with balanced braces, in the order of their `\boxed`, contents stripped.

    A box that is cut off by the end of the text does not count.
    """
    boxes = []
    for match in BOXED.finditer(text):
        end = _closing_brace(text, match.end())
        if end is not None:
            boxes.append(Box(match.start(), end + 1, text[match.end() : end].strip()))
    return boxes


def last_box(text: str) -> str | None:
    """Content of the last box, even if it is empty (the authors' rule); None: there is none."""
    boxes = find_boxes(text)
    return boxes[-1].content if boxes else None


def extract_boxed(text: str) -> str | None:
    r"""The answer in the last box that is not empty; None if there is none.

    Where only "and", "or", a comma or a label such as `y =` stand between the last boxes, they are
    one answer, joined by commas: `\boxed{1} and \boxed{2}` is `1, 2`.
    """
    boxes = [box for box in find_boxes(text) if not is_blank(box.content)]
    if not boxes:
        return None
    contents = [boxes[-1].content]
    for earlier, later in zip(boxes[-2::-1], boxes[:0:-1], strict=True):
        if earlier.end > later.start or not _belong_together(text[earlier.end : later.start]):
            break
        if earlier.content not in contents:
            contents.append(earlier.content)
    return ", ".join(reversed(contents))


def is_blank(answer: str) -> bool:
    """Whether an answer is nothing but spaces, in whatever form."""
    return BLANK.fullmatch(answer) is not None


def _belong_together(between: str) -> bool:
    if "\n\n" in between:
        return False
    bare = BETWEEN.sub(" ", LABEL.sub(" ", between))
    words = set(re.findall(r"[A-Za-z]+", bare))
    if not words <= JOINING_WORDS or re.search(r"[^\sA-Za-z,;&()]", bare):
        return False
    return not words or SEPARATOR.search(bare) is not None


def _closing_brace(text: str, position: int) -> int | None:
    depth = 1
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 2
            continue
        depth += (character == "{") - (character == "}")
        if depth == 0:
            return position
        position += 1
    return None
