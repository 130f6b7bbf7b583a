"""Texts that decide in a sequence as soon as they stand there, however they are tokenised."""

from __future__ import annotations

from collections.abc import Callable, Sequence

LACKING = "\ufffd"
"""What stands for bytes that are no whole character."""


class Marker:
    """A text to be found in sequences: the end of thinking, or a stop.

    Args:
        text: of at least one character.
        text_of: text of token ids from the middle of a sequence.

    Attributes:
        reach: so many tokens hold its bytes, and as many more that are shown as nothing.
    """

    def __init__(self, text: str, text_of: Callable[[Sequence[int]], str]) -> None:
        self.text = text
        self.reach = 2 * len(text.encode())
        self._text_of = text_of
        self._known: dict[int, bool] = {}

    def may_end_in(self, token: int) -> bool:
        """Whether the text's last character may stand in a token; of most tokens it cannot."""
        known = self._known.get(token)
        if known is None:
            piece = self._text_of([token])
            beginnings = (piece[:size] for size in range(1, len(piece) + 1))
            of_character = LACKING in piece and not self.text.isascii()
            known = self.text in piece or any(map(self.text.endswith, beginnings)) or of_character
            self._known[token] = known
        return known

    def is_in(self, tokens: Sequence[int]) -> bool:
        """Whether the text stands in tokens; the last `reach` and one more decide on the last."""
        return self.text in self._text_of(tokens)
