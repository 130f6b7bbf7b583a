"""Places that files are written to: links, pipes, disks that are full or closed."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from eager.exchange.archive.packing import read_archive, write_archive
from eager.util.errors import EagerError
from eager.util.files import places_told, replacing, write_text
from eager.util.logs import logged_step
from eager.util.tables import SEQUENCES, write_table


def test_a_link_stays_and_what_it_names_is_written(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link, further = tmp_path / "link", tmp_path / "further"
    link.symlink_to("there/file")
    further.symlink_to("link")
    for text in ("one", "two"):
        write_text(further, text)
        assert (tmp_path / "there/file").read_text() == text
    assert (link.is_symlink(), further.is_symlink()) == (True, True)
    assert list((tmp_path / "there").iterdir()) == [tmp_path / "there/file"]


PROGRAM = "import sys, pathlib; from eager.util.files import write_text; "
PROGRAM += "write_text(pathlib.Path(sys.argv[1]), 'new')"


@pytest.mark.parametrize("name", ["stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_what_a_process_has_open_is_written_to(name: str, tmp_path: Path) -> None:
    """Not /dev/stdout itself, which a mistake would replace; it is such a link."""
    (tmp_path / "stdout").symlink_to("/proc/self/fd/1")
    words = [sys.executable, "-c", PROGRAM, str(tmp_path / name)]
    piped = subprocess.run(words, stdout=subprocess.PIPE, check=True)
    assert piped.stdout == b"new"
    path = tmp_path / "file"
    path.write_text("old ")
    with path.open("a") as stream:
        subprocess.run(words, stdout=stream, check=True)
        stream.write("!")
    assert path.read_text() == "old new!"


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(TypeError), replacing(path) as temporary:
        temporary.write_text(1 / temporary.write_text("new"))  # type: ignore[arg-type]
    assert (path.read_text(), list(tmp_path.iterdir())) == ("old", [path])


@pytest.mark.parametrize("log", [True, False])
@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, "no space left; free some space"),
        (errno.EDQUOT, "no space left; free some space"),
        (errno.EROFS, "Read-only file system; give it access, or name another"),
        (errno.EACCES, "Permission denied; give it access, or name another"),
    ],
)
def test_places_that_fail_are_one_line_with_their_name(
    number: int, expected: str, log: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Errors of writing, unlike those of opening, have no file name of their own."""
    path, log_file = tmp_path / "file", tmp_path / "log" if log else None
    with pytest.raises(EagerError) as caught, logged_step(log_file), replacing(path) as temporary:
        raise OSError(number, os.strerror(number), temporary if log else None)
    assert str(caught.value).startswith(f"{path}: {expected}")
    assert capsys.readouterr().err == (f"error: {caught.value}\n" if log else "")


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(ConnectionError), places_told():
        raise ConnectionError(errno.ECONNRESET, "reset")


def test_a_full_disk_is_named_by_every_writer(small_disk: Path, tmp_path: Path) -> None:
    """Parquet, zip and what is unpacked tell it in words of their own, or not at all."""
    large, archive = tmp_path / "large", tmp_path / "a.zip"
    large.write_bytes(os.urandom(200_000))
    write_archive(archive, {"large": large})
    row = {"prompt_id": "p", "text": os.urandom(100_000).hex()}
    table = SEQUENCES.empty_table().from_pylist([row], SEQUENCES)
    for write in (
        lambda: write_table(small_disk / "t.parquet", table, "sequences"),
        lambda: write_archive(small_disk / "b.zip", {"large": large}),
        lambda: read_archive(archive, small_disk),
    ):
        with (
            pytest.raises(EagerError, match=f"^{small_disk}.*: no space left"),
            places_told(),
        ):
            write()
