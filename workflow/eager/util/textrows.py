"""Tables that people write, TSV and CSV: rows with the file's own line numbers, faults in words."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from eager.util.text import read_text, shorten

NAMES_OF_DELIMITERS = {"\t": "tabs", ",": "commas"}


@dataclass(frozen=True)
class TextRows:
    """What a table holds.

    Attributes:
        rows: line in the file, from 1, and the values by column.
        mistakes: line, and `path, line: what is wrong; what to write`.
    """

    rows: list[tuple[int, dict[str, str]]]
    mistakes: list[tuple[int, str]]

    def all_mistakes(self, more: Iterable[tuple[int, str]]) -> list[str]:
        """Those of the table and those of its values, in the order of the lines."""
        return [text for _, text in sorted([*self.mistakes, *more], key=lambda found: found[0])]


def read_rows(
    path: Path,
    delimiter: str,
    columns: Sequence[str],
    comment: str = "",
    optional: Sequence[str] = (),
) -> TextRows:
    """Read a table whose first row names its columns, in any order; blank lines are left out.

    Args:
        path: the file, UTF-8.
        delimiter: between values.
        columns: the columns that it must have.
        comment: what a line that is left out begins with; nothing: no comments.
        optional: those of the columns that it may lack.

    Raises:
        EagerError: it is missing, a folder, binary, or in another encoding.
    """
    rows: list[tuple[int, dict[str, str]]] = []
    mistakes: list[tuple[int, str]] = []
    header: list[str] | None = None
    separated = f"separated by {NAMES_OF_DELIMITERS[delimiter]}"
    lines = _records(read_text(path), delimiter, comment)
    try:
        for line, values in lines:
            where = f"{path}, line {line}"
            if header is None:
                known = set(optional) | set(values) == set(columns) | set(optional)
                if not known or len(set(values)) < len(values):
                    fault = f"{where}: the columns are {values}; write {list(columns)}, {separated}"
                    return TextRows([], [(line, fault)])
                header = values
            elif not any(values):
                mistakes.append((line, f"{where}: no values; remove the line"))
            elif len(values) != len(header):
                mistakes.append((line, f"{where}: {_count_fault(values, header)}, {separated}"))
            elif wrong := next((value for value in values if "\n" in value), None):
                fault = f"{where}: a line break in {shorten(wrong)}; close the quotes"
                mistakes.append((line, fault))
            else:
                rows.append((line, dict(zip(header, values, strict=True))))
    except csv.Error as error:
        line = _last(rows) + 1
        mistakes.append((line, f"{path}, from line {line} on: {error}; check the quotes"))
    if header is None:
        mistakes.append((1, f"{path}: no rows; write the columns {list(columns)}, {separated}"))
    return TextRows(rows, mistakes)


def _records(text: str, delimiter: str, comment: str) -> Iterator[tuple[int, list[str]]]:
    """Lines with their stripped values, without comments and blank lines."""
    lines = io.StringIO(text.replace("\r\n", "\n").replace("\r", "\n"))
    kept = ("\n" if comment and line.startswith(comment) else line for line in lines)
    reader = csv.reader(kept, delimiter=delimiter, strict=True)
    first = 1
    for values in reader:
        if len(values) > 1 or (values and values[0].strip()):
            yield first, [value.strip() for value in values]
        first = reader.line_num + 1


def _last(rows: list[tuple[int, dict[str, str]]]) -> int:
    return rows[-1][0] if rows else 1


def _count_fault(values: list[str], header: list[str]) -> str:
    """What to say where a row is longer or shorter than the header."""
    count = f"{len(values)} values in {len(header)} columns"
    if len(values) > len(header):
        return f"{count}; remove {', '.join(map(repr, values[len(header) :]))}"
    missing = ", ".join(header[len(values) :])
    return f"{count}; write a value for {missing} too"
