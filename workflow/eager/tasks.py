"""Data sets as tasks: rows from the hub or a local file, normalised to one form."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from eager.config import DatasetEntry
from eager.errors import EagerError
from eager.files import write_json, write_text
from eager.settings import Frozen

CODE_FIELDS = ("entry_point", "canonical_solution", "test")


class Task(Frozen):
    """One problem and what counts as right.

    Attributes:
        id: unique in the data set.
        problem: text of the problem, before any template.
        target: the right answer; empty for code.
        kind: math, choice or code.
        code: for code, the fields of the row that evaluation needs.
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
    rows = _local_rows(name, entry) if entry.path else _hub_rows(name, entry)
    tasks = [_to_task(name, entry, number, row) for number, row in enumerate(rows, start=1)]
    if not tasks:
        raise EagerError(f"data set {name}: no rows in {entry.path or entry.repo}")
    repeated = [key for key, count in Counter(task.id for task in tasks).items() if count > 1]
    if repeated:
        raise EagerError(
            f"data set {name}: the id {repeated[0]!r} occurs more than once; name a unique "
            "id_field or leave it out to number the rows"
        )
    text = "".join(task.model_dump_json() + "\n" for task in tasks)
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
            "source": entry.path or entry.repo,
            "revision": entry.revision,
        },
    )


def read_tasks(path: Path) -> list[Task]:
    """Read the tasks that `fetch_tasks` wrote."""
    with path.open(encoding="utf-8") as stream:
        return [Task.model_validate_json(line) for line in stream]


def _to_task(name: str, entry: DatasetEntry, number: int, row: Mapping[str, Any]) -> Task:
    def field(key: str) -> str:
        if key not in row or row[key] is None:
            raise EagerError(
                f"data set {name}, row {number}: no field {key!r}; the fields are "
                f"{', '.join(row)}; set id_field, prompt_field or target_field to one of them"
            )
        return str(row[key])

    return Task(
        id=field(entry.id_field) if entry.id_field else str(number),
        problem=field(entry.prompt_field),
        target="" if entry.kind == "code" else field(entry.target_field).strip(),
        kind=entry.kind,
        code={key: row[key] for key in CODE_FIELDS if key in row} if entry.kind == "code" else None,
    )


def _local_rows(name: str, entry: DatasetEntry) -> Iterator[Mapping[str, Any]]:
    path = Path(str(entry.path))
    if not path.is_file():
        raise EagerError(f"data set {name}: {path}: no such file (key `path`)")
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        yield from pq.read_table(path).to_pylist()
        return
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise EagerError(f"{path}, line {number}: not JSON: {error}") from None
            if not isinstance(row, dict):
                raise EagerError(f"{path}, line {number}: an object is expected, not {row!r}")
            yield row


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
