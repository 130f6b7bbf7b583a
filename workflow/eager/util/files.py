"""Helpers of every format: hashes, and atomic writes."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import shutil
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from eager.util.errors import EagerError
from eager.util.text import JsonError, parse_json, read_lines, shorten

CHECKOUT = Path(__file__).parents[3]
REPOSITORY = (
    CHECKOUT
    if (CHECKOUT / "containers/images.yaml").is_file()
    else Path(sysconfig.get_path("data"), "share/eager-repro")
)
"""Configuration, images, locks and profiles: the checkout, or what is installed of it."""
STREAMS = ("/dev/fd/", "/proc/")
"""How paths of what a process has open begin; /dev/stdout is a link to one."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
CLOSED = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.EISDIR, errno.ENOTDIR),
    *(errno.ENAMETOOLONG, errno.ELOOP),
)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; at the end it is synced and takes the name.

    A reader sees the old file or the whole new one; after a failure the old one stays. A link stays
    and the file that it names is replaced; a pipe or device is written to at the end.
    """
    if _is_stream(path):
        with TemporaryDirectory() as folder:
            temporary = Path(folder, path.name)
            yield temporary
            with temporary.open("rb") as source, path.open("ab") as stream:
                shutil.copyfileobj(source, stream)
        return
    target = path.resolve()
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    try:
        with naming(path, temporary):
            target.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            with temporary.open("rb") as stream:
                os.fsync(stream.fileno())
            temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _is_stream(path: Path) -> bool:
    """Whether a path is a pipe, a device, or a file that a process has open."""
    named = [path, path.readlink()] if path.is_symlink() else [path]
    has_open = any(str(name).startswith(STREAMS) for name in named)
    return path.exists() and (has_open or not path.is_file())


@contextmanager
def naming(path: Path, temporary: Path | None = None) -> Iterator[None]:
    """Let errors of writing say where, as those of opening do.

    Args:
        path: what is written.
        temporary: the name that it has until then, which says nothing to a user.
    """
    try:
        yield
    except OSError as error:
        if error.filename is None or str(error.filename) == str(temporary):
            error.filename = str(path)
        raise


def fault_of_place(error: BaseException) -> EagerError | None:
    """What to say of a disk that is full or a place that is not to be used; None: another error."""
    if not isinstance(error, OSError):
        return None
    where = error.filename or "writing"
    if error.errno in FULL:
        return EagerError(
            f"{where}: no space left; free some space and run it again. What is finished is kept"
        )
    if error.errno in CLOSED:
        return EagerError(f"{where}: {os.strerror(error.errno)}; give it access, or name another")
    if "No usable temporary directory" in str(error):
        return EagerError(
            "no folder for temporary files can be written; free some space there, or set TMPDIR to "
            "another"
        )
    return None


@contextmanager
def places_told() -> Iterator[None]:
    """Tell of a full disk, or of a place that is not to be used, in one line.

    Raises:
        EagerError: in place of such an `OSError`.
    """
    try:
        yield
    except OSError as error:
        raise fault_of_place(error) or error from None


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically (UTF-8)."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Write indented JSON, atomically."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


class DamagedFileError(EagerError, ValueError):
    """A file is not JSON; also a `ValueError`, for callers that make what is damaged again."""


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        OSError: it is missing or cannot be read.
        DamagedFileError: it is not UTF-8 text, or not JSON.
    """
    try:
        return parse_json(path.read_bytes().decode("utf-8-sig"))
    except (JsonError, UnicodeDecodeError) as error:
        raise DamagedFileError(f"{path}: {error}; delete it and make it again") from None


def read_json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows of a .jsonl or .jsonl.gz file with their line numbers, from 1.

    Raises:
        EagerError: the file is missing, not UTF-8 text, or a line is not a JSON object.
    """
    for number, row in parsed_lines(path):
        if isinstance(row, JsonError):
            raise EagerError(f"{path}, line {number}: {row}")
        yield number, row


def parsed_lines(path: Path) -> Iterator[tuple[int, dict[str, Any] | JsonError]]:
    """The same with faults among the rows, for callers that tell all; blank lines are left out.

    Raises:
        EagerError: the file is missing or not UTF-8 text.
    """
    for number, line in read_lines(path):
        if line.strip():
            yield number, _row(line)


def _row(line: str) -> dict[str, Any] | JsonError:
    try:
        row = parse_json(line)
    except JsonError as error:
        # The first line of a file that is JSON, but not JSON lines.
        if line.strip() in ("[", "{"):
            return JsonError("not JSON lines; write one object per line, without line breaks in it")
        return error
    if isinstance(row, dict):
        return row
    return JsonError(f"an object is expected, not {shorten(row)}; write one object per line")


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
