"""Documents with parts that are made: `<!-- table NAME -->` to `<!-- end NAME -->`."""

from __future__ import annotations

from pathlib import Path

from eager.util.errors import EagerError


def with_section(text: str, name: str, content: str) -> str:
    """The document with the part between a name's markers replaced.

    Raises:
        EagerError: the markers are not there.
    """
    begin, end = f"<!-- table {name} -->\n", f"<!-- end {name} -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise EagerError(f"no section {name!r}: put {begin.strip()} and {end} around its place")
    return before + begin + content + end + after


def update_files(wanted: dict[Path, str], *, check: bool) -> list[Path]:
    """Bring files up to date; returns those that were not.

    Args:
        wanted: what each file should hold.
        check: leave the files as they are.
    """
    drifted = [path for path, text in wanted.items() if read_text(path) != text]
    if not check:
        for path in drifted:
            path.write_text(wanted[path], encoding="utf-8")
    return drifted


def read_text(path: Path) -> str:
    """A file's text; nothing if it is not there."""
    return path.read_text(encoding="utf-8") if path.exists() else ""
