"""Reads the configuration and checks it before anything runs; mistakes are collected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from eager.config.schema import (
    RESERVED_MODEL_NAMES,
    Cell,
    DatasetEntry,
    Experiment,
    ExperimentConfig,
    ModelEntry,
)
from eager.config.settings import check_threshold
from eager.config.yamlfile import read_yaml
from eager.util.errors import EagerError
from eager.util.files import find_file
from eager.util.text import cut, shorten
from eager.util.textrows import read_rows
from eager.util.validation import closest, faults_of, is_model

__all__ = ["load_experiment", "read_yaml"]

LONGEST_MESSAGE = 1000
"""Characters of one mistake: names and keys may be of any length."""
EntryT = TypeVar("EntryT", bound=BaseModel)


def load_experiment(
    config: Mapping[str, Any], source: str, files: Iterable[Path] = ()
) -> Experiment:
    """Check a configuration and read the files it names.

    Args:
        config: the parsed YAML, as Snakemake hands it over.
        source: name of the file it came from, for messages.
        files: files that Snakemake has parsed, which lets a key stand twice.

    Raises:
        EagerError: names the mistakes found, with file, line or key, and what to write instead.
    """
    for file in files:
        read_yaml(file)
    checked, errors = _validate(ExperimentConfig, config, source)
    if checked is None:
        raise EagerError("\n".join(cut(error, LONGEST_MESSAGE) for error in errors))
    models, model_errors = _load_entries(ModelEntry, find_file(Path(checked.models)))
    datasets, dataset_errors = _load_entries(DatasetEntry, find_file(Path(checked.datasets)))
    cells, cell_errors = _load_cells(find_file(Path(checked.cells)))
    errors = model_errors + dataset_errors + cell_errors
    if Path("results", checked.experiment).is_file():
        errors.append(
            f"{source}, experiment: results/{checked.experiment} is a file; write another name"
        )
    if not model_errors and not dataset_errors:
        errors += _check_cells(checked, cells, models, datasets)
    if errors:
        raise EagerError("\n".join(cut(error, LONGEST_MESSAGE) for error in errors))
    return Experiment(checked, models, datasets, tuple(cell for _, cell in cells))


def _load_entries(model: type[EntryT], path: Path) -> tuple[dict[str, EntryT], list[str]]:
    try:
        raw = read_yaml(path)
    except EagerError as error:
        return {}, [str(error)]
    entries: dict[str, EntryT] = {}
    errors: list[str] = []
    for name, value in raw.items():
        if not isinstance(name, str | int) or isinstance(name, bool):
            errors.append(f"{path}: the name {name!r} is not a text; put it in quotes")
            continue
        entry, entry_errors = _validate(model, value, f"{path}: {name}")
        errors += entry_errors
        if entry is not None:
            entries[str(name)] = entry
    return entries, errors


def _load_cells(path: Path) -> tuple[list[tuple[int, Cell]], list[str]]:
    """Cells with their lines in the file."""
    if not path.exists():
        return [], [f"{path}: no such file; `cells` names the TSV with the cells"]
    try:
        fields = Cell.model_fields
        optional = [name for name, field in fields.items() if not field.is_required()]
        table = read_rows(path, "\t", list(fields), comment="#", optional=optional)
    except EagerError as error:
        return [], [str(error)]
    if not table.rows and not table.mistakes:
        return [], [f"{path}: no rows; write one row for each cell to run"]
    cells: list[tuple[int, Cell]] = []
    errors: list[tuple[int, str]] = []
    for line, row in table.rows:
        cell, row_errors = _validate(Cell, row, f"{path}, line {line}")
        errors += [(line, error) for error in row_errors]
        if cell is not None:
            cells.append((line, cell))
    return cells, table.all_mistakes(errors)


def _check_cells(
    config: ExperimentConfig,
    cells: list[tuple[int, Cell]],
    models: Mapping[str, ModelEntry],
    datasets: Mapping[str, DatasetEntry],
) -> list[str]:
    errors: list[str] = []
    seen: dict[Cell, int] = {}
    for number, cell in cells:
        where = f"{config.cells}, line {number}"
        if cell.model in RESERVED_MODEL_NAMES:
            errors.append(
                f"{where}, model: {cell.model!r} is a name of results/{config.experiment}/ itself; "
                f"rename the model in {config.models}"
            )
        for kind, name, entries, file in (
            ("model", cell.model, models, config.models),
            ("dataset", cell.dataset, datasets, config.datasets),
        ):
            if name not in entries:
                errors.append(
                    f"{where}, {kind}: {name!r} is not in {file}; {closest(name, entries)}"
                )
        if cell in seen:
            errors.append(f"{where}: the same as line {seen[cell]}; remove one of them")
        seen.setdefault(cell, number)
        try:
            check_threshold(cell.entropy_threshold, config.branching.top_k_entropy)
        except ValueError as error:
            errors.append(f"{where}, {error}")
    return errors


def _validate(model: type[EntryT], value: Any, where: str) -> tuple[EntryT | None, list[str]]:
    if not isinstance(value, Mapping):
        return None, [f"{where}: a mapping of keys is expected, not {shorten(value)}"]
    if faults := [f"{where}, {fault}" for fault in _untyped(model, value)]:
        return None, faults
    try:
        return model.model_validate(value), []
    except ValidationError as error:
        return None, [f"{where}, {fault}" for fault in faults_of(model, error)]


def _untyped(model: type[BaseModel], value: Mapping[Any, Any], path: str = "") -> Iterator[str]:
    """Keys that are no texts, and truth values for numbers, which pydantic takes as 0 and 1."""
    for key, content in value.items():
        if not isinstance(key, str):
            yield f"the key {path}{key!r} is not a text; put it in quotes"
            continue
        field = model.model_fields.get(key)
        annotation = field.annotation if field else None
        if isinstance(content, bool) and annotation is not bool and field:
            yield (
                f"{path}{key}: {str(content).lower()} is a truth value, as are yes, no, on and off;"
                " write a number, or a text in quotes"
            )
        elif isinstance(content, Mapping) and is_model(annotation):
            yield from _untyped(annotation, content, f"{path}{key}.")
