"""`eager clean`: delete the entries of the store that no present result was made of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import time

from filelock import FileLock, Timeout

from eager.generation.store import Store
from eager.util.errors import EagerError
from eager.util.files import read_json
from eager.util.text import shorten

DAY = 24 * 3600


@dataclass(frozen=True)
class Cleaned:
    """What was, or would be, deleted and kept.

    Attributes:
        entries: number of deleted entries.
        size: bytes that they take, with files that killed jobs have left half written.
        kept: number of entries that results use.
    """

    entries: int
    size: int
    kept: int


def clean(results: Path, store: Path, *, dry_run: bool) -> Cleaned:
    """Delete what no result uses; prompts of generations that were not finished are among it.

    Args:
        results: the folder of all experiments.
        store: the store.
        dry_run: delete nothing, only count.

    Raises:
        EagerError: a generation is running, or a run.json or a folder cannot be read, so that it
            is not known what results use. Nothing is deleted then.
    """
    _refuse_while_running(store)
    used = _used_keys(results, store)
    entries = list(Store(store, lambda _: None).entries())
    unused = [path for path in entries if path.stem not in used]
    deleted = [*unused, *_left_by_killed_jobs(store)]
    size = sum(path.stat().st_size for path in deleted)
    if not dry_run:
        for path in deleted:
            path.unlink()
    return Cleaned(len(unused), size, len(entries) - len(unused))


def _left_by_killed_jobs(store: Path) -> list[Path]:
    """Temporary files (`files.replacing`) that are too old for a job to be writing them."""
    found = store.glob("**/[0-9a-f][0-9a-f]/.*.tmp")
    return [path for path in found if path.stat().st_mtime < time() - DAY]


def _used_keys(results: Path, store: Path) -> set[str]:
    used: set[str] = set()
    for run in _files_named("run.json", results, store):
        try:
            keys = read_json(run).get("store", [])
        except (OSError, ValueError, AttributeError) as error:
            raise EagerError(
                f"{run}: cannot be read ({error}); delete it or make the result again, then clean"
            ) from None
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise EagerError(
                f"{run}: store: a list of names is expected, not {shorten(keys)}; delete the file "
                "or make the result again, then clean"
            )
        used.update(keys)
    return used


def _files_named(name: str, folder: Path, without: Path) -> Iterator[Path]:
    """Files of a name below a folder, also behind symbolic links, without those below another.

    Raises:
        EagerError: a folder cannot be read, or a link leads nowhere, such as to a disk that is not
            mounted.
    """
    entered = {os.path.realpath(without)}
    for place, folders, files in os.walk(folder, followlinks=True, onerror=_refuse):
        real = os.path.realpath(place)
        if real in entered:  # also a link to a folder that it lies in
            folders.clear()
            continue
        entered.add(real)
        for file in (Path(place, file) for file in sorted(files)):
            if file.is_symlink() and not file.exists():
                raise EagerError(
                    f"{file}: a link to nothing; mount what it leads to or delete it, then clean"
                )
            if file.name == name:
                yield file


def _refuse(error: OSError) -> None:
    raise EagerError(
        f"{error.filename}: cannot be read ({error.strerror}); make it readable, then clean"
    )


def _refuse_while_running(store: Path) -> None:
    for path in sorted(store.glob("**/locks/*.lock")):
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise EagerError(f"{path}: a generation is running; wait for it, then clean") from None
        except (NotImplementedError, OSError):
            continue
        lock.release()
