"""Where tokens become text and text becomes tokens, for tokenizers of every family."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from eager.algorithm.markers import LACKING
from eager.util.errors import EagerError, one_line

BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>")


class Texts:
    """Texts of token ids as they stand in an answer.

    Some tokenizers drop the space that begins a text, and every text that is decoded alone begins
    one. So tokens are decoded behind what they follow. Special tokens are shown, and spaces before
    punctuation stay, as in vLLM's own decoding.

    Args:
        tokenizer: of transformers, or what encodes and decodes as one.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self._known: dict[int, str | list[int]] = {}

    def behind(self, before: Sequence[int], token_ids: Sequence[int]) -> str:
        """Text of tokens behind others: of an answer behind its prompt."""
        start, whole = self._decode(before), self._decode([*before, *token_ids])
        return whole[len(start) :] if whole.startswith(start) else self._decode(token_ids)

    def within(self, token_ids: Sequence[int]) -> str:
        """Text of tokens from the middle of a text."""
        return self.behind(self._letter, token_ids)

    def of_token(self, token_id: int) -> str | list[int]:
        """Text of a token, or its bytes where it is only a part of a character.

        The texts of a sequence's tokens, put together, are the sequence's text.
        """
        if token_id not in self._known:
            text = self.within([token_id])
            found = self._bytes(token_id) if LACKING in text else None
            self._known[token_id] = text if found is None else found
        return self._known[token_id]

    def _decode(self, token_ids: Sequence[int]) -> str:
        shown = {"skip_special_tokens": False, "clean_up_tokenization_spaces": False}
        return str(self.tokenizer.decode(list(token_ids), **shown))

    @cached_property
    def _letter(self) -> list[int]:
        return list(self.tokenizer.encode("a", add_special_tokens=False))

    def _bytes(self, token_id: int) -> list[int] | None:
        entry = self.tokenizer.convert_ids_to_tokens(token_id) or ""
        if match := BYTE_TOKEN.fullmatch(entry):
            return [int(match[1], 16)]
        found = [self._byte_of.get(character) for character in entry]
        return None if None in found or not found else [b for b in found if b is not None]

    @cached_property
    def _byte_of(self) -> dict[str, int]:
        """Byte-level vocabularies spell a byte as itself if printable, others from 256 on."""
        printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
        others = [byte for byte in range(0x100) if byte not in printable]
        spelled = {chr(byte): byte for byte in printable}
        return spelled | {chr(0x100 + number): byte for number, byte in enumerate(others)}


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a model's folder, by transformers.

    Raises:
        EagerError: there is none, or its files cannot be read.
    """
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # whatever a damaged file leads to
        raise EagerError(
            f"{folder}: its tokenizer cannot be loaded ({one_line(error)}); put the model's own "
            "tokenizer.json and tokenizer_config.json there"
        ) from error
