"""Data sets as tasks: rows from the hub or a local file, normalised to one form."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from eager.config.schema import DatasetEntry
from eager.config.settings import StrictModel
from eager.util.errors import EagerError
from eager.util.files import (
    find_file,
    read_json_lines,
    replacing,
    sha256_file,
    write_json,
    write_text,
)

CODE_FIELDS = ("entry_point", "canonical_solution", "base_input", "plus_input", "atol")
"""What evaluation needs of a programming task, in evalplus's format."""


class Task(StrictModel):
    """One problem and what counts as right.

    Attributes:
        id: unique in the data set.
        problem: text of the problem, before any template.
        target: the right answer; empty for code.
        kind: math, choice or code.
        code: for code, the row's `CODE_FIELDS`.
    """

    id: str
    problem: str
    target: str
    kind: str
    code: dict[str, Any] | None = None


def fetch_tasks(name: str, entry: DatasetEntry, tasks_path: Path, manifest_path: Path) -> None:
    """Write a data set's tasks as JSON lines, and a manifest with source and hash.

    Raises:
        EagerError: the source cannot be read, a row lacks a field, or the hash is not the
            expected one.
    """
    rows = _rows(name, entry, tasks_path.parent)
    source = entry.path or entry.url or entry.repo
    tasks = [_to_task(name, entry, number, row) for number, row in enumerate(rows, start=1)]
    if not tasks:
        raise EagerError(f"data set {name}: no rows in {source}")
    repeated = [key for key, count in Counter(task.id for task in tasks).items() if count > 1]
    if repeated:
        raise EagerError(
            f"data set {name}: the id {repeated[0]!r} occurs more than once; name a unique "
            "id_field or leave it out to number the rows"
        )
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
            "source": source,
            "revision": entry.revision,
        },
    )


def read_tasks(path: Path) -> list[Task]:
    """Read the tasks that `fetch_tasks` wrote."""
    return [Task.model_validate(row) for _, row in read_json_lines(path)]


def _to_task(name: str, entry: DatasetEntry, number: int, row: Mapping[str, Any]) -> Task:
    def field(key: str) -> Any:
        if row.get(key) is None:
            raise EagerError(
                f"data set {name}, row {number}: no field {key!r}; the fields are "
                f"{', '.join(row)}; set id_field, prompt_field or target_field to one of them"
            )
        return row[key]

    is_code = entry.kind == "code"
    return Task(
        id=str(field(entry.id_field)) if entry.id_field else str(number),
        problem=str(field(entry.prompt_field)),
        target="" if is_code else str(field(entry.target_field)).strip(),
        kind=entry.kind,
        code={key: field(key) for key in CODE_FIELDS} if is_code else None,
    )


def _rows(name: str, entry: DatasetEntry, folder: Path) -> Iterator[Mapping[str, Any]]:
    if entry.repo:
        yield from _hub_rows(name, entry)
        return
    path = find_file(Path(entry.path)) if entry.path else _download(name, entry, folder)
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        yield from pq.read_table(path).to_pylist()
        return
    for _, row in read_json_lines(path):
        yield row


def _download(name: str, entry: DatasetEntry, folder: Path) -> Path:
    """The file behind `url`, kept beside the tasks; a copy with the right hash is not fetched."""
    url = str(entry.url)
    path = folder / url.rsplit("/", 1)[-1]
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
                f"Hugging Face hub ({type(error).__name__}: {_first_line(error)}). Check the "
                "network, or download it elsewhere and set `path:` to the local file"
            ) from error


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or ["no details"])[0]
