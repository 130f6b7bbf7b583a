"""Results on disk: one small file each, written whole or not at all."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import tempfile
import zlib
from pathlib import Path
from typing import Any

from eager.util.errors import EagerError


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under a temporary name, sync it and rename it.

    Raises:
        EagerError: no space, no permission, no such place; what was there before is untouched.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            # Or a machine that loses power may keep the name and not the bytes.
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        raise EagerError(
            f"{path}: cannot be written ({error.strerror or error}); free some space there or name "
            "another place. Everything written so far is kept, and a rerun goes on from it"
        ) from None


class Store:
    """JSON objects by kind and key below a cache folder."""

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
