"""Texts that decide in a sequence as soon as they stand there, however they are tokenised."""

from __future__ import annotations

from collections.abc import Callable, Sequence

LACKING = "\ufffd"
"""What stands for bytes that are no whole character."""


class LastTokens(dict[int, bool]):
    """Of each token whether the last character of a text may stand in it; of most it cannot."""

    def __init__(self, text: str, text_of: Callable[[Sequence[int]], str]) -> None:
        self._text = text
        self._text_of = text_of

    def __missing__(self, token: int) -> bool:
        piece = self._text_of([token])
        beginnings = (piece[:size] for size in range(1, len(piece) + 1))
        of_character = LACKING in piece and not self._text.isascii()
        may = self._text in piece or any(map(self._text.endswith, beginnings)) or of_character
        self[token] = may
        return may


class Marker:
    """A text to be found in sequences: the end of thinking, or a stop.

    Args:
        text: of at least one character.
        text_of: text of token ids from the middle of a sequence.

    Attributes:
        reach: so many tokens hold its bytes, and as many more that are shown as nothing.
        may_end_in: of each token whether the text may be complete with it.
    """

    def __init__(self, text: str, text_of: Callable[[Sequence[int]], str]) -> None:
        self.text = text
        self.reach = 2 * len(text.encode())
        self.may_end_in = LastTokens(text, text_of)
        self._text_of = text_of

    def is_in(self, tokens: Sequence[int]) -> bool:
        """Whether the text stands in tokens; the last `reach` and one more decide on the last."""
        return self.text in self._text_of(tokens)
