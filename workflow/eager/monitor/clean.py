"""`eager clean`: delete the entries of the store that no present result was made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from eager.generation.store import Store
from eager.util.errors import EagerError
from eager.util.files import read_json


@dataclass(frozen=True)
class Cleaned:
    """What was, or would be, deleted and kept.

    Attributes:
        entries: number of deleted entries.
        size: bytes that they take.
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
        EagerError: a generation is running, or a run.json cannot be read, so that it is not known
            what its result uses. Nothing is deleted then.
    """
    _refuse_while_running(store)
    used = _used_keys(results)
    entries = list(Store(store, lambda _: None).entries())
    unused = [path for path in entries if path.stem not in used]
    size = sum(path.stat().st_size for path in unused)
    if not dry_run:
        for path in unused:
            path.unlink()
    return Cleaned(len(unused), size, len(entries) - len(unused))


def _used_keys(results: Path) -> set[str]:
    used: set[str] = set()
    for run in sorted(results.rglob("run.json")):
        try:
            used.update(read_json(run).get("store", []))
        except (OSError, ValueError, AttributeError) as error:
            raise EagerError(
                f"{run}: cannot be read ({error}); delete it or make the result again, then clean"
            ) from None
    return used


def _refuse_while_running(store: Path) -> None:
    for path in sorted((store / "locks").glob("*.lock")):
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise EagerError(f"{path}: a generation is running; wait for it, then clean") from None
        except (NotImplementedError, OSError):
            continue
        lock.release()
