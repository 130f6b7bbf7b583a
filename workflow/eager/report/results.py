"""Reads a finished cell one prompt at a time, so that memory does not grow with the run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from eager.config.experiment import ResolvedExperiment, Target, imported_target, of_group
from eager.config.settings import METHODS
from eager.util.errors import EagerError
from eager.util.files import read_json
from eager.util.tables import first_samples, read_row_groups, read_table


def shown_targets(
    experiment: ResolvedExperiment, model: str | None = None, dataset: str | None = None
) -> list[Target]:
    """Targets of an experiment and imported ones: all, or those of one model and data set."""
    return of_group([*experiment.targets, *imported_targets(experiment)], model, dataset)


def imported_targets(experiment: ResolvedExperiment) -> list[Target]:
    """Results of other programs that the experiment names; unfinished ones are left out.

    What they are stands in their metrics.json.
    """
    found = [
        imported_target(path.parent, metrics["cell"], metrics["method"])
        for path in experiment.imported
        if "cell" in (metrics := read_json(path)) and not metrics.get("prompts_missing")
    ]
    methods = [*METHODS, *(target.method for target in found)]
    return [
        target
        for cell in by_cell(found)
        for target in sorted(cell, key=lambda target: methods.index(target.method))
    ]


def by_cell(targets: Iterable[Target]) -> list[list[Target]]:
    """The targets of each cell, in order."""
    cells: dict[tuple[Any, ...], list[Target]] = {}
    for target in targets:
        cells.setdefault(tuple(target.cell.values()), []).append(target)
    return list(cells.values())


ALL = "all"
"""What stands for a parameter where results are pooled over it."""
PARAMETERS = {
    "model": "",
    "dataset": "",
    "max_sequences": "M ",
    "entropy_threshold": "θ ",
    "temperature": "T ",
    "seed": "seed ",
}
"""Parameters of a cell, and what a label calls them."""
POOLED = {"dataset": "all data sets", "seed": "all seeds", "entropy_threshold": "θ of each"}


def cell_label(
    cell: Mapping[str, Any],
    names: Iterable[str] = ("max_sequences", "entropy_threshold", "temperature", "seed"),
) -> str:
    """Parameters of a cell as a label."""
    said = [
        POOLED[name]
        if cell[name] == ALL
        else f"{PARAMETERS[name]}{cell[name]:g}"
        if isinstance(cell[name], float)
        else f"{PARAMETERS[name]}{cell[name]}"
        for name in names
    ]
    return ", ".join(said) + rule_label(cell)


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
    target: Target, arrays: Sequence[str] = ("token_ids", "entropies")
) -> Iterator[tuple[str, list[SequenceRow]]]:
    """The sequences of each prompt of a result, one row group at a time.

    Args:
        target: the result.
        arrays: which of `token_ids` and `entropies` are wanted.

    Raises:
        EagerError: missing, unreadable, of another version, or a prompt's rows are not contiguous.
    """
    seen: set[str] = set()
    path = target.file("sequences.parquet")
    for group in read_row_groups(path, "sequences", [*SCALARS, *arrays]):
        table = first_samples(group, target.samples)
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


def read_verdicts(target: Target) -> dict[tuple[str, int], dict[str, Any]]:
    """Verdicts of a result by prompt and sequence index."""
    table = read_table(target.file("verdicts.parquet"), "verdicts")
    rows = first_samples(table, target.samples).to_pylist()
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
