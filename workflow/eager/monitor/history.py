"""What former runs in results/ cost: tokens per prompt and per second, seconds to load a model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from eager.config.schema import DatasetEntry
from eager.util.errors import EagerError
from eager.util.files import parsed_lines, read_json

Key = tuple[str, str, str, int, float | None, float]
"""Model, data set, method, M, theta (None for parallel), temperature."""


@dataclass(frozen=True)
class FormerRun:
    """One generation that has ended.

    Attributes:
        folder: where it is.
        key: what makes its counts comparable with a planned one.
        prompts: prompts generated.
        tokens: tokens it generated itself; those of an EAGer-init it builds on are not among them.
        seconds: time of engine and driver, without loading the model.
        loads: time to load the model in each of its jobs that did.
        bytes: size of its tables.
        hardware: what it ran on.
    """

    folder: str
    key: Key
    prompts: int
    tokens: int
    seconds: float
    loads: tuple[float, ...]
    bytes: int
    hardware: str

    @property
    def model(self) -> str:
        """Name of its model."""
        return self.key[0]


def read_former_runs(results: Path = Path("results")) -> tuple[list[FormerRun], list[str]]:
    """All generations below a folder of results, whatever their experiment.

    Returns:
        The runs, and what to say about each run.json that is damaged and so left out.
    """
    runs: list[FormerRun] = []
    damaged: list[str] = []
    for path in sorted(results.glob("*/*/*/*/*/run.json")):
        try:
            run = _read(path)
        except EagerError as error:
            damaged.append(f"{str(error).partition(';')[0]}; left out, make it again or delete it")
            continue
        except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
            damaged.append(
                f"{path}: damaged ({type(error).__name__}: {error}); left out, make it again or "
                "delete it"
            )
            continue
        if run is not None:
            runs.append(run)
    return runs, damaged


def tokens_per_second(runs: list[FormerRun]) -> float | None:
    """Tokens over seconds of all runs together; None where there are none."""
    seconds = sum(run.seconds for run in runs)
    return sum(run.tokens for run in runs) / seconds if seconds else None


def load_seconds(runs: list[FormerRun]) -> float | None:
    """Mean time to load the model, over the jobs that did."""
    times = [seconds for run in runs for seconds in run.loads]
    return fmean(times) if times else None


def prompts_of(name: str, entry: DatasetEntry) -> int | None:
    """Prompts of a data set: counted where it has been fetched, else as its entry says."""
    tasks = Path("results/datasets", name, "tasks.jsonl")
    if tasks.is_file():
        return sum(1 for _ in parsed_lines(tasks))
    return entry.rows


def _read(path: Path) -> FormerRun | None:
    """A run.json as it concerns costs; None for results that were imported, not generated."""
    content = read_json(path)
    if not isinstance(content, dict):
        raise TypeError(f"{type(content).__name__} where an object is expected")
    counts, parameters = content.get("counts", {}), content.get("parameters", {})
    if not counts.get("tokens") or "method" not in parameters:
        return None
    _, model, dataset, *_ = path.parts[-6:]
    hardware = content["hardware"]
    threshold = parameters.get("entropy_threshold")
    return FormerRun(
        folder=str(path.parent),
        key=(
            model,
            dataset,
            str(parameters["method"]),
            int(_number(parameters["max_sequences"], above=0)),
            None if threshold is None else _number(threshold),
            _number(parameters["temperature"], above=0),
        ),
        prompts=int(_number(content["prompts"], above=0)),
        tokens=int(_number(counts["tokens"])),
        seconds=_number(counts["engine_seconds"]) + _number(counts["driver_seconds"]),
        loads=tuple(
            _number(job["load_seconds"]) for job in content["shards"] if job["load_seconds"]
        ),
        bytes=sum(table.stat().st_size for table in path.parent.glob("*.parquet")),
        hardware=", ".join(hardware.get("gpus", [hardware["processor"]])),
    )


def _number(value: Any, above: float = -1) -> float:
    """A finite number from 0 on, or one above another."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is not a number")
    if not (math.isfinite(value) and value >= 0 and value > above):
        raise ValueError(f"{value!r} is not possible")
    return value
