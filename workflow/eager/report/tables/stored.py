"""All tables of an experiment with every digit in one file, from which the page is written."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from eager.report.tables.conclusion import Conclusion, Cost, Quality, Statement
from eager.util.errors import EagerError
from eager.util.files import DamagedFileError, read_json, write_json


class ShownTable(NamedTuple):
    """A table, and its columns that people do not need."""

    name: str
    frame: pd.DataFrame
    only_in_csv: Collection[str] = ()


class Tables(NamedTuple):
    """All tables of an experiment, and what they show in words."""

    tables: list[ShownTable]
    conclusion: Conclusion

    def frame(self, name: str) -> pd.DataFrame:
        """One of the tables."""
        return next(table.frame for table in self.tables if table.name == name)


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
        "conclusion": asdict(made.conclusion),
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
        return Tables(tables, _conclusion(content["conclusion"]))
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


def _conclusion(content: dict[str, Any]) -> Conclusion:
    statements = [
        Statement(
            **{**said, "cost": Cost(said["cost"]), "quality": Quality(said["quality"])},
        )
        for said in content["statements"]
    ]
    return Conclusion(content["summary"], statements, content["warnings"])
