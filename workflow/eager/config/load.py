"""Reads the configuration and checks it before anything runs; every mistake is named at once."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from eager.config.schema import Cell, DatasetEntry, Experiment, ExperimentConfig, ModelEntry
from eager.config.settings import check_threshold
from eager.util.errors import EagerError
from eager.util.files import find_file

EntryT = TypeVar("EntryT", bound=BaseModel)


def load_experiment(config: Mapping[str, Any], source: str) -> Experiment:
    """Check a configuration and read the files it names.

    Args:
        config: the parsed YAML, as Snakemake hands it over.
        source: name of the file it came from, for messages.

    Raises:
        EagerError: names every mistake found, with file, row and key, and what to write instead.
    """
    checked, errors = _validate(ExperimentConfig, config, source)
    if checked is None:
        raise EagerError("\n".join(errors))
    models, model_errors = _load_entries(ModelEntry, find_file(Path(checked.models)))
    datasets, dataset_errors = _load_entries(DatasetEntry, find_file(Path(checked.datasets)))
    cells, cell_errors = _load_cells(find_file(Path(checked.cells)))
    errors = model_errors + dataset_errors + cell_errors
    if not model_errors and not dataset_errors:
        errors += _check_cells(checked, cells, models, datasets)
    if errors:
        raise EagerError("\n".join(errors))
    return Experiment(checked, models, datasets, tuple(cell for _, cell in cells))


def _load_entries(model: type[EntryT], path: Path) -> tuple[dict[str, EntryT], list[str]]:
    raw = read_yaml(path)
    entries: dict[str, EntryT] = {}
    errors: list[str] = []
    for name, value in raw.items():
        entry, entry_errors = _validate(model, value, f"{path}: {name}")
        errors += entry_errors
        if entry is not None:
            entries[str(name)] = entry
    return entries, errors


def _load_cells(path: Path) -> tuple[list[tuple[int, Cell]], list[str]]:
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(
                (line for line in stream if not line.startswith("#")), delimiter="\t"
            )
            rows = list(reader)
            columns = list(reader.fieldnames or [])
    except FileNotFoundError:
        raise EagerError(f"{path}: no such file; `cells` names the TSV with the cells") from None
    known = list(Cell.model_fields)
    if sorted(columns) != sorted(known):
        return [], [f"{path}: the columns are {columns}; write {known}, separated by tabs"]
    if not rows:
        return [], [f"{path}: no rows; write one row for each cell to run"]
    cells: list[tuple[int, Cell]] = []
    errors: list[str] = []
    for number, row in enumerate(rows, start=1):
        cell, row_errors = _validate(Cell, row, f"{path}, row {number}")
        errors += row_errors
        if cell is not None:
            cells.append((number, cell))
    return cells, errors


def _check_cells(
    config: ExperimentConfig,
    cells: list[tuple[int, Cell]],
    models: Mapping[str, ModelEntry],
    datasets: Mapping[str, DatasetEntry],
) -> list[str]:
    errors: list[str] = []
    seen: dict[Cell, int] = {}
    for number, cell in cells:
        where = f"{config.cells}, row {number}"
        for kind, name, entries, file in (
            ("model", cell.model, models, config.models),
            ("dataset", cell.dataset, datasets, config.datasets),
        ):
            if name not in entries:
                errors.append(f"{where}, {kind}: {name!r} is not in {file}{_hint(name, entries)}")
        if cell in seen:
            errors.append(f"{where}: the same as row {seen[cell]}; remove one of them")
        seen.setdefault(cell, number)
        try:
            check_threshold(cell.entropy_threshold, config.branching.top_k_entropy)
        except ValueError as error:
            errors.append(f"{where}, {error}")
    return errors


def _validate(model: type[EntryT], value: Any, where: str) -> tuple[EntryT | None, list[str]]:
    if not isinstance(value, Mapping):
        return None, [f"{where}: a mapping of keys is expected, not {value!r}"]
    try:
        return model.model_validate(value), []
    except ValidationError as error:
        return None, [f"{where}, {_explain(model, detail)}" for detail in error.errors()]


def _explain(model: type[BaseModel], detail: Any) -> str:
    """One pydantic error in words: the key, what is wrong, what to write."""
    key = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        known = _known_keys(model, detail["loc"][:-1])
        return f"unknown key {key!r}{_hint(str(detail['loc'][-1]), known)}"
    if detail["type"] == "missing":
        field = model.model_fields.get(str(detail["loc"][-1]))
        meaning = f" ({field.description})" if field and field.description else ""
        return f"key {key!r} is missing{meaning}"
    message = detail["msg"].removeprefix("Value error, ")
    return f"{key}: {message}, got {detail['input']!r}" if key else message


def _known_keys(model: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    for part in path:
        annotation = model.model_fields[str(part)].annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
    return list(model.model_fields)


def _hint(name: str, known: Mapping[str, Any] | list[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known are {', '.join(known)}"


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping.

    Raises:
        EagerError: it is missing, not YAML, or not a mapping.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EagerError(f"{path}: no such file") from None
    except yaml.YAMLError as error:
        raise EagerError(f"{path}: not YAML: {error}") from None
    if not isinstance(content, dict):
        raise EagerError(f"{path}: a mapping of names to entries is expected")
    return content
