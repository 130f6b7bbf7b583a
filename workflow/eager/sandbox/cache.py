"""Results of the sandbox on disk: one small file each, written whole or not at all."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

from eager.util.files import replacing


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
            OSError: it cannot be written; what is stored already stays.
        """
        data = gzip.compress(json.dumps(value).encode(), compresslevel=1)
        with replacing(self._path(kind, key)) as temporary:
            temporary.write_bytes(data)
