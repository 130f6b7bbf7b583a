"""Reads a finished cell one prompt at a time, so that memory does not grow with the run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from eager.config.experiment import ResolvedExperiment
from eager.config.paths import imported_files
from eager.config.settings import METHODS, Method, StrictModel
from eager.util.errors import EagerError
from eager.util.files import read_json
from eager.util.tables import read_row_groups, read_table


class CellResults(StrictModel):
    """Paths of the results of one cell.

    Attributes:
        cell: experiment, model, data set and the swept parameters.
        methods: folder of each method's result.
        prompts: prompts.parquet.
        tasks: tasks.jsonl.
        model_manifest: the model's manifest.json; None: there is no tokenizer to show tokens with.
    """

    cell: dict[str, Any]
    methods: dict[Method, str]
    prompts: str
    tasks: str
    model_manifest: str | None

    def file(self, method: Method, name: str) -> Path:
        """One of the files of a method's result."""
        return Path(self.methods[method]) / name

    @property
    def label(self) -> str:
        """The swept parameters as a label."""
        cell = self.cell
        return (
            f"M {cell['max_sequences']}, θ {cell['entropy_threshold']:g}, "
            f"T {cell['temperature']:g}, seed {cell['seed']}{rule_label(cell)}"
        )


def cells_of(
    experiment: ResolvedExperiment, model: str | None = None, dataset: str | None = None
) -> list[CellResults]:
    """Cells of an experiment: all, or those of one model and data set."""
    cells: dict[tuple[Any, ...], CellResults] = {}
    for target in experiment.targets:
        cell = target.cell
        if model in (None, cell["model"]) and dataset in (None, cell["dataset"]):
            found = cells.setdefault(
                tuple(cell.values()),
                CellResults(
                    cell=cell,
                    methods={},
                    prompts=target.prompts,
                    tasks=target.tasks,
                    model_manifest=target.model_manifest,
                ),
            )
            found.methods[target.method] = target.folder
    return [
        *cells.values(),
        *(
            cell
            for cell in imported_cells(experiment)
            if model in (None, cell.cell["model"]) and dataset in (None, cell.cell["dataset"])
        ),
    ]


def imported_cells(experiment: ResolvedExperiment) -> list[CellResults]:
    """Cells of results of other programs that the experiment names; unfinished ones are left out.

    What they are stands in their metrics.json.
    """
    cells: dict[tuple[Any, ...], CellResults] = {}
    for path in imported_files(experiment.configuration.get("imported", ())):
        metrics = read_json(path)
        if "cell" not in metrics or metrics.get("prompts_missing"):
            continue
        folder = path.parent
        found = cells.setdefault(
            tuple(metrics["cell"].values()),
            CellResults(
                cell=metrics["cell"],
                methods={},
                prompts=str(folder / "prompts.parquet"),
                tasks=str(folder / "tasks.jsonl"),
                model_manifest=str(model) if (model := folder / "model.json").exists() else None,
            ),
        )
        found.methods[metrics["method"]] = str(folder)
    for cell in cells.values():
        order = sorted(cell.methods, key=[*METHODS, *cell.methods].index)
        cell.methods.update({method: cell.methods.pop(method) for method in order})
    return list(cells.values())


def rule_label(cell: Mapping[str, Any]) -> str:
    """What a cell's label ends with: the rule, where it is not the default one."""
    return ", rule authors" if cell.get("rule") == "authors" else ""


@dataclass(frozen=True)
class SequenceRow:
    """One sequence; arrays are None where the column was not asked for."""

    index: int
    parent: int | None
    round: int
    threshold: float | None
    inherited: int
    finish_reason: str
    token_ids: NDArray[np.int32] | None
    entropies: NDArray[np.float32] | None


SCALARS = (
    "prompt_id",
    "sequence_index",
    "parent_index",
    "round",
    "threshold",
    "inherited_tokens",
    "finish_reason",
)


def read_prompts(
    path: Path, arrays: Sequence[str] = ("token_ids", "entropies")
) -> Iterator[tuple[str, list[SequenceRow]]]:
    """The sequences of each prompt of a sequences.parquet, one row group at a time.

    Args:
        path: the file.
        arrays: which of `token_ids` and `entropies` are wanted.

    Raises:
        EagerError: missing, unreadable, of another version, or a prompt's rows are not contiguous.
    """
    seen: set[str] = set()
    for table in read_row_groups(path, "sequences", [*SCALARS, *arrays]):
        if table.num_rows == 0:
            continue
        ids = table.column("prompt_id").to_pylist()
        starts = [i for i in range(len(ids)) if i == 0 or ids[i] != ids[i - 1]]
        for start, end in zip(starts, [*starts[1:], len(ids)], strict=True):
            if ids[start] in seen:
                raise EagerError(
                    f"{path}: the rows of prompt {ids[start]!r} are not contiguous; "
                    "write them in prompt order with eager.util.tables.write_table"
                )
            seen.add(ids[start])
            yield ids[start], _rows(table.slice(start, end - start))


def read_verdicts(path: Path) -> dict[tuple[str, int], dict[str, Any]]:
    """Verdicts by prompt and sequence index."""
    rows = read_table(path, "verdicts").to_pylist()
    return {(row["prompt_id"], row["sequence_index"]): row for row in rows}


def verdict_of(
    verdicts: dict[tuple[str, int], dict[str, Any]], prompt_id: str, index: int, folder: str
) -> dict[str, Any]:
    """The verdict on one sequence.

    Raises:
        EagerError: there is none, so the verdicts belong to other sequences.
    """
    try:
        return verdicts[prompt_id, index]
    except KeyError:
        raise EagerError(
            f"{folder}/verdicts.parquet: nothing about sequence {index} of prompt {prompt_id!r}; "
            "delete the file and evaluate again"
        ) from None


def _rows(table: pa.Table) -> list[SequenceRow]:
    lists = {name: _list_views(table, name) for name in ("token_ids", "entropies")}
    scalars = table.select(list(SCALARS)).to_pylist()
    return [
        SequenceRow(
            index=row["sequence_index"],
            parent=row["parent_index"],
            round=row["round"],
            threshold=row["threshold"],
            inherited=row["inherited_tokens"],
            finish_reason=row["finish_reason"],
            token_ids=None if (ids := lists["token_ids"]) is None else ids[number],
            entropies=None if (values := lists["entropies"]) is None else values[number],
        )
        for number, row in enumerate(scalars)
    ]


def _list_views(table: pa.Table, name: str) -> list[NDArray[Any]] | None:
    """A list column as numpy views, without a Python object per token."""
    if name not in table.column_names:
        return None
    column = table.column(name).combine_chunks()
    offsets = column.offsets.to_numpy()
    values = column.values.to_numpy(zero_copy_only=False)
    return [values[start:end] for start, end in pairwise(offsets)]
