"""Rows of tables, as conclusion, headline and forest plot read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from eager.report.tables.pairing import ALL

Row = Mapping[str, Any]


def records_of(table: pd.DataFrame) -> list[Row]:
    """The rows of a table without their missing values."""
    return [
        {str(name): value for name, value in row.items() if not pd.isna(value)}
        for row in table.to_dict("records")
    ]


def is_pooled(row: Row) -> bool:
    """Whether a row is over all seeds or all data sets."""
    return ALL in (row["seed"], row["dataset"])
