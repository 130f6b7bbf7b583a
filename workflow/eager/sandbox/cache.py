"""Results of the sandbox on disk: one small file each, written whole or not at all."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

from eager.util.errors import EagerError
from eager.util.files import replacing


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole.

    Raises:
        EagerError: no space, no permission, no such place; what was there before is untouched.
    """
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(data)
    except OSError as error:
        raise EagerError(
            f"{path}: cannot be written ({error.strerror or error}); free some space there or name "
            "another place. Everything written so far is kept, and a rerun goes on from it"
        ) from None


class Cache:
    """JSON objects by kind and key below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _path(self, kind: str, key: str) -> Path:
        return self._folder / kind / key[:2] / f"{key}.json.gz"

    def has(self, kind: str, key: str) -> bool:
        """Whether there is a file of an object, damaged or not."""
        return self._path(kind, key).is_file()

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        """What is stored, or None; a file that is damaged or not ours counts as absent."""
        try:
            value = json.loads(gzip.decompress(self._path(kind, key).read_bytes()))
        except (OSError, EOFError, ValueError, zlib.error, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    def put(self, kind: str, key: str, value: dict[str, Any]) -> None:
        """Store an object.

        Raises:
            EagerError: it cannot be written.
        """
        data = gzip.compress(json.dumps(value).encode(), compresslevel=1)
        write_whole(self._path(kind, key), data)
