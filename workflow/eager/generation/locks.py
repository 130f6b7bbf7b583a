"""One job at a time on a shard, on one machine and across the machines of a cluster.

A lock is a file that says who holds it, made with O_EXCL (flock is not to be relied on over NFS),
and touched by its holder as long as that lives. The holder is known to be dead where this machine
can look it up (same host, same process namespace, and no such process, or one that started at
another time); elsewhere it counts as dead when its file has not been touched for a while. Ages
are taken against a file touched beside it, so clocks of machines need not agree.
"""

from __future__ import annotations

import json
import os
import platform
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from eager.generation.shards import Shard
from eager.util.errors import EagerError

HEARTBEAT_SECONDS = 10.0
STALE_SECONDS = 60.0


@dataclass(frozen=True)
class Holder:
    """The process that holds a lock. `started` is in clock ticks since its machine's boot."""

    host: str
    namespace: str
    pid: int
    started: int | None
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since}"


@contextmanager
def hold_shard(folder: Path, shard: Shard) -> Iterator[None]:
    """Hold a shard; nobody else then works on any of its prompts.

    Args:
        folder: the journal that the shards share.
        shard: what to hold.

    Raises:
        EagerError: a living job holds it, or a shard of another number of shards, whose prompts
            overlap. It takes up to `STALE_SECONDS` to find that a holder elsewhere is dead.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{shard}.lock"
    while not _create(path):
        _remove_if_stale(path)
    try:
        for other in folder.glob("*.lock"):
            if Shard.parse(other.stem).count != shard.count:
                _remove_if_stale(other)
        ended = threading.Event()
        heart = threading.Thread(target=_beat, args=(path, ended), daemon=True)
        heart.start()
        try:
            yield
        finally:
            ended.set()
            heart.join()
    finally:
        path.unlink(missing_ok=True)


def _beat(path: Path, ended: threading.Event) -> None:
    while not ended.wait(HEARTBEAT_SECONDS):
        # The next beat may succeed; a few can be missed.
        try:
            os.utime(path)
        except OSError:
            continue


def _create(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return False
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(asdict(_ourselves()), stream)
    except OSError:
        path.unlink()
        raise
    return True


def _remove_if_stale(path: Path) -> None:
    """Remove a lock whose holder is dead.

    Raises:
        EagerError: the holder lives.
    """
    holder = _read(path)
    try:
        if _is_alive(path, holder):
            raise EagerError(
                f"{path}: {holder or 'somebody'} is generating this shard or one that shares its "
                "prompts. Wait for it, or end it; a job that has died is noticed by itself"
            )
        # Only one of several jobs that found the same dead holder gets the file by this name. It
        # may be that of a third, which was quicker: that one gets its lock back.
        taken = path.with_name(f"{path.name}.{uuid4().hex}")
        path.rename(taken)
        if _read(taken) != holder:
            os.link(taken, path)
        taken.unlink()
    except FileNotFoundError:
        return


def _is_alive(path: Path, holder: Holder | None) -> bool:
    us = _ourselves()
    if holder is not None and (holder.host, holder.namespace) == (us.host, us.namespace):
        return holder.started is not None and _start_of(holder.pid) == holder.started
    seen = path.stat().st_mtime
    while _now_of(path.parent) - seen < STALE_SECONDS:
        time.sleep(min(1.0, HEARTBEAT_SECONDS))
        if path.stat().st_mtime != seen:
            return True
    return False


def _read(path: Path) -> Holder | None:
    """Who holds a lock; None if the file does not tell (its maker died while writing it)."""
    try:
        return Holder(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _ourselves() -> Holder:
    pid = os.getpid()
    return Holder(
        platform.node(),
        str(Path("/proc/self/ns/pid").readlink()),
        pid,
        _start_of(pid),
        datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _start_of(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None if it does not live."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    state, start = fields[0], fields[19]
    return None if state in "ZX" else int(start)


def _now_of(folder: Path) -> float:
    """The time of the file system that holds a folder."""
    probe = folder / f".clock-{uuid4().hex}"
    probe.touch()
    try:
        return probe.stat().st_mtime
    finally:
        probe.unlink()
