"""Plans, former runs and published figures of one model and data set, for tests of costs."""

from __future__ import annotations

from typing import Any

from eager.config.paths import result_folder
from eager.config.schema import Cell, DatasetEntry, Experiment, ExperimentConfig, ModelEntry
from eager.config.settings import METHODS, Method
from eager.progress.history import FormerRun, Key
from eager.progress.speeds import Speed
from eager.report.tables.published import PublishedFigures
from eager.util.fingerprint import code_identity

CELL = Cell(model="m", dataset="d", temperature=0.6, max_sequences=4, entropy_threshold=2.0, seed=1)
SPEED = Speed(tokens_per_second=100, load_seconds=180, source="m: given")


def cell(**changes: Any) -> Cell:
    """The cell with other values."""
    return CELL.model_copy(update=changes)


def experiment(*cells: Cell, methods: tuple[Method, ...] = METHODS, **dataset: Any) -> Experiment:
    """A plan of cells of models m and n on data sets d and e."""
    entry = DatasetEntry(kind="math", path="d.jsonl", **dataset)
    return Experiment(
        ExperimentConfig(experiment="e", cells="cells.tsv", methods=methods),
        dict.fromkeys("mn", ModelEntry(path="model")),
        dict.fromkeys("de", entry),
        cells,
    )


def key(method: Method, **changes: Any) -> Key:
    """Key of a method in the cell with other values."""
    of = cell(**changes)
    branches = method != "parallel"
    return Key(
        of.model,
        of.dataset,
        method,
        of.max_sequences,
        of.entropy_threshold if branches else None,
        of.temperature,
        of.rule if branches else None,
    )


def run(
    method: Method, at: str = "earlier", facts: dict[str, Any] | None = None, **changes: Any
) -> FormerRun:
    """Five prompts of 200 tokens each in 10 seconds, in the cell with other values.

    Args:
        method: the method.
        at: the experiment in whose folder it lies.
        facts: other values of the run.
        changes: other values of the cell.
    """
    of = cell(**changes)
    given: dict[str, Any] = {
        "prompts": 5,
        "tokens": 1000,
        "seconds": 10.0,
        "loads": (30.0,),
        "gpus": 1,
        "bytes": 5000,
        "hardware": "a GPU",
        "parameters": experiment(of).decoding(of, method).model_dump(mode="json"),
        "code": code_identity("tokens", method),
    }
    return FormerRun(
        folder=result_folder(at, of, method), key=key(method, **changes), **(given | (facts or {}))
    )


def published(method: Method, tokens: float, **changes: Any) -> PublishedFigures:
    """Published tokens per prompt of the cell with other values."""
    values = {"model": "m", "dataset": "d", "max_sequences": 4} | changes
    return PublishedFigures(
        method=method, pass_at_k=None, tokens_per_prompt=tokens, source="a figure", **values
    )
