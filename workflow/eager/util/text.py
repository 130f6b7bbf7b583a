"""Text files of users: UTF-8 whatever the locale, and one message for what is not.

A byte order mark is read over, since spreadsheets write one.
"""

from __future__ import annotations

import codecs
import gzip
import io
import json
import reprlib
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eager.util.errors import EagerError

MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
GZIP, PARQUET = b"\x1f\x8b", b"PAR1"
SIGNATURES = {
    GZIP: "gzip",
    PARQUET: "Parquet",
    b"PK\x03\x04": "zip, as Excel writes",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"%PDF": "PDF",
}
"""How files begin, whatever they are called."""
HEAD_BYTES = 4096


class JsonError(ValueError):
    """A text is not JSON, or says one key of an object twice."""


def read_text(path: Path) -> str:
    """The text of a file, or of what it holds in gzip, with line breaks as they are.

    Raises:
        EagerError: it is missing, a folder, binary, or in another encoding.
    """
    data = text_bytes(path)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise EagerError(_wrong_byte(path, line, data[error.start])) from None


def text_bytes(path: Path) -> bytes:
    """The same before it is decoded, for callers that accept single bytes that are not UTF-8.

    Raises:
        EagerError: it is missing, a folder, binary, or in another encoding throughout.
    """
    with _opened(path) as stream:
        _refuse_foreign(path, stream.peek(HEAD_BYTES)[:HEAD_BYTES])
        return stream.read().removeprefix(codecs.BOM_UTF8)


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines of a file, or of what it holds in gzip, with their numbers, from 1.

    Raises:
        EagerError: as `read_text`.
    """
    with _opened(path) as stream:
        _refuse_foreign(path, stream.peek(HEAD_BYTES)[:HEAD_BYTES])
        # Bytes that are no UTF-8 come as surrogates, which UTF-8 itself has none of.
        lines = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape")
        for number, line in enumerate(lines, start=1):
            try:
                line.encode("utf-8")
            except UnicodeEncodeError as error:
                byte = ord(line[error.start]) & 0xFF
                raise EagerError(_wrong_byte(path, number, byte)) from None
            yield number, line


def begins_with(path: Path, signature: bytes) -> bool:
    """Whether a file is there and of a form, by how it begins."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(signature)) == signature


def parse_json(text: str) -> Any:
    """Parse JSON; a key twice in one object is a fault, not silently the last one.

    Raises:
        JsonError: it is not JSON; says what is wrong.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except JsonError:
        raise
    except (ValueError, RecursionError) as error:
        hint = "; double each backslash" if "escape" in str(error) else ""
        raise JsonError(f"not JSON: {error}{hint}") from None


def shorten(value: Any, longest: int = 60) -> str:
    """A value as Python writes it, cut for a message; never much longer work than its length."""
    short = reprlib.Repr()
    short.maxlevel, short.maxstring, short.maxother = 4, longest, longest
    return cut(short.repr(value), longest)


def cut(text: str, longest: int) -> str:
    """A text of so many characters at most, for a message."""
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def fault_of_text(text: str) -> str | None:
    """Why a text is of no use to a model, in words; None: it is of use."""
    if not text.strip():
        return "is blank"
    if "\0" in text:
        return "holds a NUL character"
    return half_character(text)


def half_character(text: str) -> str | None:
    """Which half of a character a text holds, in words, so that it cannot be written as UTF-8."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        code = ord(text[error.start])
        return f"holds half a character (lone surrogate U+{code:04X}) at place {error.start + 1}"
    return None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        (twice, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        raise JsonError(f"the key {shorten(twice)} is there twice")
    return content


@contextmanager
def _opened(path: Path) -> Iterator[gzip.GzipFile | io.BufferedReader]:
    try:
        with path.open("rb") as file:
            packed = file.peek(len(GZIP)).startswith(GZIP)
            with gzip.GzipFile(fileobj=file) if packed else file as stream:
                yield stream
    except FileNotFoundError:
        raise EagerError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise EagerError(f"{path}: a folder; name a file in it") from None
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise EagerError(f"{path}: cannot be read: {error}") from None


def _refuse_foreign(path: Path, head: bytes) -> None:
    """Stop at what is no UTF-8 text by its first bytes."""
    found = next((name for mark, name in MARKS.items() if head.startswith(mark)), None)
    if found is None and 0 in head and _is_zero_padded(head):
        found = "UTF-16"
    if found:
        raise EagerError(f"{path}: the text is in {found}; save it as UTF-8")
    kind = next((name for mark, name in SIGNATURES.items() if head.startswith(mark)), None)
    if kind or 0 in head:
        form = f" ({kind})" if kind else ""
        raise EagerError(f"{path}: a binary file{form}; name a text file in UTF-8")


def _is_zero_padded(head: bytes) -> bool:
    """Whether every second byte is mostly zero, as in UTF-16 without a mark."""
    halves = head[0::2], head[1::2]
    return any(half.count(0) > 0.4 * len(half) for half in halves) and not all(
        half.count(0) > 0.4 * len(half) for half in halves
    )


def _wrong_byte(path: Path, line: int, byte: int) -> str:
    return f"{path}, line {line}: the byte 0x{byte:02x} is not UTF-8; save the file as UTF-8"
