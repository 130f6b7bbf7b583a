"""What a step in a container may see: the paths its rule declares, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from eager.util.errors import EagerError


class Mount(NamedTuple):
    """A path of this machine, and where the container has it."""

    source: Path
    target: Path
    read_only: bool


def plan_mounts(
    read: Iterable[Path], write: Iterable[Path], write_folders: Iterable[Path]
) -> list[Mount]:
    """Mounts for a step, outer ones first; the container has every path where this machine has it.

    A file that is written needs its folder: it is written under a temporary name and renamed. What
    is only read stays read-only there too, by a separate mount over the folder's.

    Args:
        read: files and folders that are read.
        write: files that are written; their folders are made.
        write_folders: folders that are written; they are made.

    Raises:
        EagerError: something to read is not there.
    """
    writable = {_absolute(path).parent for path in write} | {_absolute(p) for p in write_folders}
    outermost = {path for path in writable if not any(p in writable for p in path.parents)}
    for folder in writable:
        folder.mkdir(parents=True, exist_ok=True)
    readable = {_absolute(path) for path in read} - writable
    for path in readable:
        if not path.exists():
            raise EagerError(f"{path}: no such file; a step in a container is to read it")
    # A folder that is read covers what lies in it, unless a writable folder lies between.
    needed = {
        path
        for path in readable
        if not any(p in readable and not _between(p, path, outermost) for p in path.parents)
    }
    mounts = [Mount(path.resolve(), path, read_only=False) for path in outermost]
    mounts += [Mount(path.resolve(), path, read_only=True) for path in needed]
    return sorted(mounts, key=lambda mount: (len(mount.target.parts), mount.target))


def _absolute(path: Path) -> Path:
    # Symbolic links stay as they are named: the step will use the same name.
    return Path.cwd() / path


def _between(outer: Path, inner: Path, folders: set[Path]) -> bool:
    return any(folder in inner.parents and outer in folder.parents for folder in folders)
