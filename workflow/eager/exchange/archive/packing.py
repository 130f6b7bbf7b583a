"""Archives as files: deterministic zip, sha256 of everything, refusal of what is not one.

The manifest has the form of `sha256sum` (and of BagIt's payload manifests), so that
`sha256sum --check manifest-sha256.txt` works on an unpacked archive without this program.
"""

from __future__ import annotations

import hashlib
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from eager.util.errors import EagerError
from eager.util.files import fault_of_place, naming, replacing, sha256_file
from eager.util.text import cut

MANIFEST_NAME = "manifest-sha256.txt"
LARGEST_GROWTH = 100
"""Bytes unpacked for each byte of the archive at most. Results and reports grow about threefold,
a thousandfold is what a hostile archive needs."""
MOST_FILES = 100_000
FIXED_TIME = (1980, 1, 1, 0, 0, 0)
ORDINARY_FILE = (stat.S_IFREG | 0o644) << 16
UNIX = 3


def write_archive(path: Path, files: Mapping[str, Path]) -> None:
    """Write files and their manifest as a zip: the same bytes for the same content.

    Args:
        path: the archive.
        files: where each file of the archive is read from, by its name in the archive.
    """
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        lines = []
        for name in sorted(files):
            lines.append(f"{sha256_file(files[name])}  {name}\n")
            with files[name].open("rb") as source, _member(archive, name) as target:
                shutil.copyfileobj(source, target)
        with _member(archive, MANIFEST_NAME) as target:
            target.write("".join(lines).encode())


def read_archive(path: Path, folder: Path) -> list[str]:
    """Unpack an archive into an empty folder and check every file against the manifest.

    Args:
        path: the archive.
        folder: where its files go; nothing is written outside of it.

    Returns:
        What is wrong, one line per file; nothing if every file is there as it was packed.

    Raises:
        EagerError: it is not an archive of this program, or it is built to harm.
    """
    with _opened(path) as archive:
        _refuse_hostile(path, archive.infolist())
        hashes: dict[str, str] = {}
        broken: dict[str, str] = {}
        for member in archive.infolist():
            try:
                hashes[member.filename] = _unpack(archive, member, folder)
            except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
                broken[member.filename] = f"{member.filename}: changed ({cut(str(error), 200)})"
    if MANIFEST_NAME in broken:
        return [broken[MANIFEST_NAME]]
    wanted = _read_manifest(path, folder / MANIFEST_NAME)
    problems = list(broken.values())
    for name in sorted({*wanted, *hashes} - {MANIFEST_NAME} - broken.keys()):
        if name not in hashes:
            problems.append(f"{name}: missing")
        elif name not in wanted:
            problems.append(f"{name}: additional, {MANIFEST_NAME} does not list it")
        elif hashes[name] != wanted[name]:
            problems.append(
                f"{name}: changed (sha256 {hashes[name]}, {MANIFEST_NAME} says {wanted[name]})"
            )
    return problems


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except FileNotFoundError:
        raise EagerError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise EagerError(
            f"{path}: a folder; name a file that `snakemake archive` wrote (archive.zip)"
        ) from None
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise fault_of_place(error) or EagerError(
            f"{path}: not a readable zip file: {cut(str(error), 200)}"
        ) from None


def _member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    """A member with fixed time and permissions, ready to be written."""
    member = zipfile.ZipInfo(name, FIXED_TIME)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.create_system = UNIX
    member.external_attr = ORDINARY_FILE
    return archive.open(member, "w", force_zip64=True)


def _refuse_hostile(path: Path, members: list[zipfile.ZipInfo]) -> None:
    """Refuse names that leave the folder, files that are none, and archives that explode."""
    if len(members) > MOST_FILES:
        raise EagerError(f"{path}: {len(members)} files; an archive has at most {MOST_FILES}")
    seen: set[str] = set()
    for member in members:
        name = member.filename
        kind = stat.S_IFMT(member.external_attr >> 16)
        if (
            PurePosixPath(name).is_absolute()
            or name != str(PurePosixPath(name))
            or any(part in ("", ".", "..") for part in name.split("/"))
            or "\\" in member.orig_filename
            or "\0" in member.orig_filename
            or ":" in name.split("/")[0]
        ):
            raise EagerError(f"{path}: refused: {name!r} is not a plain relative path")
        if kind not in (0, stat.S_IFREG):
            raise EagerError(f"{path}: refused: {name!r} is a link or device, not a file")
        if member.flag_bits & 0x1:
            raise EagerError(f"{path}: refused: {name!r} is encrypted")
        if name in seen:
            raise EagerError(f"{path}: refused: {name!r} is there twice")
        seen.add(name)
    if MANIFEST_NAME not in seen:
        raise EagerError(f"{path}: not an archive of `eager archive`: no {MANIFEST_NAME} in it")
    growth = sum(member.file_size for member in members) / path.stat().st_size
    if growth > LARGEST_GROWTH:
        raise EagerError(
            f"{path}: refused: it unpacks to {growth:,.0f} times its size; an archive grows at "
            f"most {LARGEST_GROWTH} times"
        )


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> str:
    """Write one member below the folder; returns its sha256."""
    target = folder / member.filename
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    # A member never yields more than the size it declares, which the growth limit has counted.
    with naming(folder), archive.open(member) as source, target.open("xb") as stream:
        while block := source.read(1 << 20):
            digest.update(block)
            stream.write(block)
    return digest.hexdigest()


def _read_manifest(path: Path, manifest: Path) -> dict[str, str]:
    wanted = {}
    text = manifest.read_bytes().decode("utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        digest, separator, name = line.partition("  ")
        if not separator or len(digest) != hashlib.sha256().digest_size * 2 or name in wanted:
            raise EagerError(f"{path}: {MANIFEST_NAME}, line {number}, is changed: {line[:80]!r}")
        wanted[name] = digest
    return wanted
