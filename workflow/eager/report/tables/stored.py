"""All tables of an experiment with every digit in one file, from which the page is written."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from eager.util.errors import EagerError
from eager.util.files import DamagedFileError, read_json, write_json


class ShownTable(NamedTuple):
    """A table, and its columns that people do not need."""

    name: str
    frame: pd.DataFrame
    only_in_csv: Collection[str] = ()


class Tables(NamedTuple):
    """All tables of an experiment, and what they show in words, line by line."""

    tables: list[ShownTable]
    conclusion: list[str]

    def frame(self, name: str) -> pd.DataFrame:
        """One of the tables."""
        return next(table.frame for table in self.tables if table.name == name)

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The rows of one of the tables; a missing value is None."""
        frame = self.frame(name)
        return [dict(zip(frame.columns, row, strict=True)) for row in _rows(frame)]


def store_tables(made: Tables, path: Path) -> None:
    """Write all tables as one JSON file."""
    content = {
        "schema_version": 1,
        "tables": [
            {
                "name": table.name,
                "columns": list(table.frame.columns),
                "only_in_csv": list(table.only_in_csv),
                "rows": _rows(table.frame),
            }
            for table in made.tables
        ],
        "conclusion": made.conclusion,
    }
    write_json(path, content)


def stored_tables(path: Path) -> Tables:
    """Read what `store_tables` has written.

    Raises:
        EagerError: it is missing or not such a file.
    """
    try:
        content = read_json(path)
        tables = [
            ShownTable(
                table["name"],
                pd.DataFrame(table["rows"], columns=table["columns"]),
                table["only_in_csv"],
            )
            for table in content["tables"]
        ]
        return Tables(tables, [str(line) for line in content["conclusion"]])
    except FileNotFoundError:
        raise EagerError(f"{path}: no such file; make the tables first (eager tables)") from None
    except DamagedFileError:
        raise
    except (LookupError, TypeError, ValueError) as error:
        raise EagerError(
            f"{path}: not a file of tables ({error}); delete it and make the tables again"
        ) from None


def _rows(frame: pd.DataFrame) -> list[list[Any]]:
    """Rows as plain values; a missing one is null."""
    return [
        [None if pd.isna(value) else value for value in row.values()]
        for row in frame.to_dict("records")
    ]
