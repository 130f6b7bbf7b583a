"""Plans, former runs and published figures of one model and data set, for tests of costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eager.config.paths import result_folder
from eager.config.schema import Cell, DatasetEntry, Experiment, ExperimentConfig, ModelEntry
from eager.config.settings import METHODS, Method
from eager.report.tables.published import PublishedFigures
from eager.util.files import write_json
from eager.util.fingerprint import code_identity

CELL = Cell(model="m", dataset="d", temperature=0.6, max_sequences=4, entropy_threshold=2.0, seed=1)


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


def write_run(
    method: Method, at: str = "earlier", facts: dict[str, Any] | None = None, **changes: Any
) -> Path:
    """run.json of five prompts of 200 tokens each in 10 seconds, in the cell with other values.

    Args:
        method: the method.
        at: the experiment in whose folder it lies.
        facts: other values of run.json.
        changes: other values of the cell.
    """
    of = cell(**changes)
    path = Path(result_folder(at, of, method), "run.json")
    content = {
        "parameters": experiment(of).decoding(of, method).model_dump(mode="json"),
        "code_fingerprint": code_identity("tokens", method),
        "counts": {"tokens": 1000, "engine_seconds": 9.0, "driver_seconds": 1.0},
        "hardware": {"processor": "a CPU", "gpus": ["a GPU"]},
        "prompts": 5,
        "engine_options": {"tensor_parallel_size": 1},
        "shards": [{"load_seconds": 30.0}],
    }
    write_json(path, content | (facts or {}))
    return path


def published(method: Method, tokens: float, **changes: Any) -> PublishedFigures:
    """Published tokens per prompt of the cell with other values."""
    values = {"model": "m", "dataset": "d", "max_sequences": 4} | changes
    return PublishedFigures(
        method=method, pass_at_k=None, tokens_per_prompt=tokens, source="a figure", **values
    )
