"""Small helpers every format shares: hashes and writes that are whole or not there."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eager.util.errors import EagerError

REPOSITORY = Path(__file__).parents[3]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; at the end it is synced and takes the name.

    A reader sees the old file or the whole new one; after a failure the old one stands.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def report_full_disk(kept: str) -> Iterator[None]:
    """Turn the error of a full disk, or of a quota, into a message.

    Args:
        kept: what has become of the work so far.

    Raises:
        EagerError: there is no room.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        where = error.filename or "writing a result"
        raise EagerError(f"{where}: no space left. {kept}; make room and run it again") from None


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically (UTF-8)."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Write JSON that people can read, atomically."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def read_json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows of a .jsonl or .jsonl.gz file with their line numbers, from 1.

    Raises:
        EagerError: the file is missing, not text, or a line is not a JSON object.
    """
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except ValueError as error:
                    raise EagerError(f"{path}, line {number}: not JSON: {error}") from None
                if not isinstance(row, dict):
                    raise EagerError(f"{path}, line {number}: an object is expected, not {row!r}")
                yield number, row
    except FileNotFoundError:
        raise EagerError(f"{path}: no such file") from None
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise EagerError(f"{path}: cannot be read: {error}") from None


def find_file(path: Path) -> Path:
    """A path of the configuration: in the working folder, else in the workflow's repository.

    So the workflow also runs from another folder, with the repository's own models and data.
    """
    inside = REPOSITORY / path
    return inside if not path.exists() and inside.exists() else path


def sha256_file(path: Path) -> str:
    """Hash of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def model_folder(manifest_path: Path) -> Path:
    """The folder a manifest speaks of.

    Raises:
        EagerError: the folder is gone.
    """
    folder = Path(read_json(manifest_path)["folder"])
    if not (folder / "config.json").is_file():
        raise EagerError(
            f"{manifest_path}: the model's folder {folder} is gone; delete the manifest and rerun"
        )
    return folder
