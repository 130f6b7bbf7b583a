"""Data sets as tasks: rows from the hub or a local file, normalised to one form."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

from pydantic import ValidationError

from eager.config.schema import DatasetEntry
from eager.data.rows import Task, read_row
from eager.util.errors import EagerError, one_line
from eager.util.files import (
    find_file,
    parsed_lines,
    read_json_lines,
    replacing,
    sha256_file,
    write_json,
    write_text,
)
from eager.util.text import PARQUET, JsonError, begins_with

__all__ = ["Task", "check_local", "fetch_tasks", "read_tasks"]

SHOWN = 20
"""Mistakes that are told at once."""
RowPlace = str
"""Where a row stands: file and line, or repository and row."""


def fetch_tasks(name: str, entry: DatasetEntry, tasks_path: Path, manifest_path: Path) -> None:
    """Write a data set's tasks as JSON lines, and a manifest with source and hash.

    Every row is checked before anything is written; the manifest counts the values that were
    converted from another form.

    Raises:
        EagerError: the source cannot be read, a row does not fit the kind, or the hash is not the
            expected one. Names the first `SHOWN` mistakes.
    """
    tasks, forms = _checked(name, entry, _rows(name, entry, tasks_path.parent))
    # Not pydantic's JSON, which turns the infinities among test inputs into null.
    text = "".join(json.dumps(task.model_dump()) + "\n" for task in tasks)
    digest = hashlib.sha256(text.encode()).hexdigest()
    if entry.sha256 and entry.sha256 != digest:
        raise EagerError(
            f"data set {name}: the tasks' sha256 is {digest}, the configuration expects "
            f"{entry.sha256}; the source has changed, or a field name has"
        )
    write_text(tasks_path, text)
    write_json(
        manifest_path,
        {
            "dataset": name,
            "tasks": len(tasks),
            "sha256": digest,
            "source": _source(entry),
            "revision": entry.revision,
            "converted": dict(sorted(forms.items())),
        },
    )


def check_local(datasets: Mapping[str, DatasetEntry], results: Path) -> None:
    """Check the rows of data sets that are files on this machine, before anything runs.

    Those that were fetched since the file was written are left out, and files that are not there,
    which only matters where they are to be fetched.

    Args:
        datasets: entries by name.
        results: where fetched ones lie, each in a folder of its name.

    Raises:
        EagerError: rows do not fit; names the mistakes of all data sets.
    """
    mistakes = []
    for name, entry in datasets.items():
        source = find_file(Path(entry.path or ""))
        try:
            if source.is_file() and not _is_fetched(source, results / name):
                _checked(name, entry, _rows(name, entry, results / name))
        except EagerError as error:
            mistakes.append(str(error))
    if mistakes:
        raise EagerError("\n".join(mistakes))


def _is_fetched(source: Path, folder: Path) -> bool:
    tasks = folder / "tasks.jsonl"
    return tasks.exists() and tasks.stat().st_mtime > source.stat().st_mtime


def read_tasks(path: Path) -> list[Task]:
    """Read the tasks that `fetch_tasks` wrote.

    Raises:
        EagerError: it is not what `fetch_tasks` wrote.
    """
    tasks = []
    for number, row in read_json_lines(path):
        try:
            tasks.append(Task.model_validate(row))
        except ValidationError:
            raise EagerError(f"{path}, line {number}: not a task; delete it and rerun") from None
    return tasks


def _checked(
    name: str, entry: DatasetEntry, rows: Iterable[tuple[RowPlace, Mapping[str, Any] | JsonError]]
) -> tuple[list[Task], Counter[str]]:
    """Tasks of all rows, and how many values had which foreign form."""
    tasks: list[Task] = []
    mistakes: list[str] = []
    forms: Counter[str] = Counter()
    places: dict[str, RowPlace] = {}
    for number, (place, row) in enumerate(rows, start=1):
        if isinstance(row, JsonError):
            mistakes.append(f"{place}: {row}")
            continue
        task, reader = read_row(entry, number, row)
        tasks.append(task)
        forms.update(reader.forms)
        mistakes += [f"{place}, {mistake}" for mistake in reader.mistakes]
        first = places.setdefault(task.id, place)
        if first != place:
            mistakes.append(
                f"{place}, {entry.id_field}: the id {task.id!r} is that of {first} too; name a "
                "field with unique values as id_field, or leave it out to number the rows"
            )
    if mistakes:
        shown = mistakes[:SHOWN]
        if len(mistakes) > SHOWN:
            shown.append(f"and {len(mistakes) - SHOWN} more mistakes")
        raise EagerError(
            "\n".join([f"data set {name}: rows are not of the kind {entry.kind}:", *shown])
        )
    if not tasks:
        raise EagerError(f"data set {name}: no rows in {_source(entry)}; write one object per line")
    return tasks, forms


def _source(entry: DatasetEntry) -> str | None:
    return entry.path or entry.url or entry.repo


def _rows(
    name: str, entry: DatasetEntry, folder: Path
) -> Iterator[tuple[RowPlace, Mapping[str, Any] | JsonError]]:
    if entry.repo:
        for number, row in enumerate(_hub_rows(name, entry), start=1):
            yield f"{entry.repo}, row {number}", row
        return
    path = find_file(Path(entry.path)) if entry.path else _download(name, entry, folder)
    if begins_with(path, PARQUET):
        for number, row in enumerate(_parquet_rows(path), start=1):
            yield f"{path}, row {number}", row
        return
    for number, line in parsed_lines(path):
        yield f"{path}, line {number}", line


def _parquet_rows(path: Path) -> list[Mapping[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows: list[Mapping[str, Any]] = pq.read_table(
            path, page_checksum_verification=True
        ).to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise EagerError(f"{path}: not a readable Parquet file: {one_line(error)}") from None
    return rows


def _download(name: str, entry: DatasetEntry, folder: Path) -> Path:
    """The file behind `url`, kept beside the tasks; a copy with the right hash is not fetched."""
    url = str(entry.url)
    path = folder / PurePosixPath(urlsplit(url).path).name
    if not path.exists() or entry.file_sha256 != sha256_file(path):
        try:
            with urlopen(url, timeout=60) as response, replacing(path) as temporary:  # noqa: S310
                temporary.write_bytes(response.read())
        except OSError as error:
            raise EagerError(
                f"data set {name}: cannot fetch {url} ({error}). Check the network, or download it "
                f"elsewhere and put it at {path}, or set `path:`"
            ) from None
    if entry.file_sha256 and sha256_file(path) != entry.file_sha256:
        raise EagerError(
            f"data set {name}: {path} has the sha256 {sha256_file(path)}, file_sha256 in the "
            f"configuration is {entry.file_sha256}; the file at {url} is another one"
        )
    return path


def _hub_rows(name: str, entry: DatasetEntry) -> Iterator[Mapping[str, Any]]:
    from datasets import load_dataset

    for config in entry.configs or (None,):
        try:
            yield from load_dataset(entry.repo, config, split=entry.split, revision=entry.revision)
        except Exception as error:
            # The hub's client raises a dozen kinds of exception for "not there" and "no network".
            raise EagerError(
                f"data set {name}: cannot fetch {entry.repo} at {entry.revision} from the "
                f"Hugging Face hub ({one_line(error)}). Check the "
                "network, or download it elsewhere and set `path:` to the local file"
            ) from error
