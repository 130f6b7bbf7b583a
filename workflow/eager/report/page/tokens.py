"""Texts of single tokens, such that a sequence's texts put together are the sequence's text."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import Any

BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>")
LACKING = "\ufffd"


class TokenTexts:
    """Looks ids up in a model's tokenizer, each one once.

    Args:
        folder: the model's folder.
    """

    def __init__(self, folder: Path) -> None:
        from transformers import AutoTokenizer

        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._known: dict[int, str | list[int]] = {}

    def of(self, token_id: int) -> str | list[int]:
        """Text of a token, or its bytes where it is only a part of a character."""
        if token_id not in self._known:
            self._known[token_id] = self._look_up(token_id)
        return self._known[token_id]

    def _look_up(self, token_id: int) -> str | list[int]:
        text: str = self._tokenizer.decode([token_id])
        entry = self._tokenizer.convert_ids_to_tokens(token_id) or ""
        if LACKING in text:
            found = self._bytes(entry)
            return text if found is None else found
        # SentencePiece drops the blank that begins a text, and every token alone begins one.
        return f" {text}" if entry.startswith("▁") and not text.startswith(" ") else text

    def _bytes(self, entry: str) -> list[int] | None:
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
