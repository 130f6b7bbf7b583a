"""Tokens as letters, and texts of them as markers, without a model's tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eager.algorithm.branching import BranchingRule
from eager.algorithm.markers import Marker
from eager.data.tokenization import Texts


class Letters:
    """A tokenizer: token 0 is `a`, or each token has its text in a list."""

    def __init__(self, texts: Sequence[str] = ()) -> None:
        self._texts = texts

    def decode(self, token_ids: list[int], **_: Any) -> str:
        return "".join(map(self._text, token_ids))

    def encode(self, *_: Any, **__: Any) -> list[int]:
        return []

    def _text(self, token_id: int) -> str:
        return self._texts[token_id] if self._texts else chr(97 + token_id)


LETTERS = Texts(Letters())


def spelled(token_ids: Sequence[int]) -> str:
    """The text of tokens."""
    return LETTERS.within(token_ids)


def marker(token_ids: Sequence[int]) -> Marker | None:
    """A marker that stands where these tokens do."""
    return Marker(spelled(token_ids), LETTERS.within) if token_ids else None


def marker_ids(rule: BranchingRule) -> tuple[int, ...]:
    """The tokens of a rule's marker."""
    return tuple(ord(c) - 97 for c in rule.end_of_thinking.text) if rule.end_of_thinking else ()
