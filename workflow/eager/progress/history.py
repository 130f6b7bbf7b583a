"""What former runs in results/ cost: tokens per prompt and per second, seconds to load a model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from eager.config.schema import DatasetEntry
from eager.config.settings import DEFAULT_RULE
from eager.util.errors import EagerError
from eager.util.files import parsed_lines, read_json


class Key(NamedTuple):
    """What makes token counts of two results comparable.

    Attributes:
        model: name of the model.
        dataset: name of the data set.
        method: the method.
        max_sequences: M.
        threshold: theta in nats; None: Full Parallel, which has none.
        temperature: of sampling.
        rule: how it branches; None: Full Parallel, which does not.
    """

    model: str
    dataset: str
    method: str
    max_sequences: int
    threshold: float | None
    temperature: float
    rule: str | None


@dataclass(frozen=True)
class FormerRun:
    """One generation that has ended.

    Attributes:
        folder: where it is.
        key: what makes its counts comparable with a planned one.
        prompts: prompts of the result.
        tokens: tokens of its sequences, those found in the store too; those of an EAGer-init that
            it builds on are not among them.
        seconds: time of engine and driver that made these, without loading the model.
        loads: seconds to load the model in each of its jobs that did.
        gpus: GPUs of each job.
        bytes: size of its tables, which hold all its sequences.
        hardware: what it ran on.
        parameters: all that decide its sequences, as JSON has them.
        code: fingerprint of the code that generated it.
    """

    folder: str
    key: Key
    prompts: int
    tokens: int
    seconds: float
    loads: tuple[float, ...]
    gpus: int
    bytes: int
    hardware: str
    parameters: Mapping[str, Any]
    code: str

    @property
    def model(self) -> str:
        """Name of its model."""
        return self.key.model


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
    """Tokens per second of one GPU, all runs together; None where none took any time."""
    seconds = sum(run.seconds * run.gpus for run in runs)
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
    if not {"counts", "parameters"} <= content.keys() or "method" not in parameters:
        return None
    # An import counts no tokens; a budgeted run without a share to spend counts nothing at all.
    if counts and "tokens" not in counts:
        return None
    _, model, dataset, *_ = path.parts[-6:]
    hardware, options = content["hardware"], content.get("engine_options", {})
    prompts = int(_number(content["prompts"], above=0))
    key = _key(model, dataset, parameters)
    return FormerRun(
        folder=str(path.parent),
        key=key,
        prompts=prompts,
        tokens=int(_number(counts.get("tokens", 0))),
        seconds=_number(counts.get("engine_seconds", 0)) + _number(counts.get("driver_seconds", 0)),
        loads=tuple(
            _number(job["load_seconds"]) for job in content["shards"] if job["load_seconds"]
        ),
        gpus=int(_number(options.get("tensor_parallel_size", 1), above=0)),
        bytes=sum(table.stat().st_size for table in path.parent.glob("*.parquet")),
        hardware=", ".join(hardware.get("gpus", [hardware["processor"]])),
        parameters=parameters,
        code=str(content.get("code_fingerprint")),
    )


def _key(model: str, dataset: str, parameters: dict[str, Any]) -> Key:
    method, threshold = str(parameters["method"]), parameters.get("entropy_threshold")
    rule = str(parameters.get("rule", DEFAULT_RULE))
    return Key(
        model,
        dataset,
        method,
        int(_number(parameters["max_sequences"], above=0)),
        None if threshold is None else _number(threshold),
        _number(parameters["temperature"], above=0),
        None if method == "parallel" else rule,
    )


def _number(value: Any, above: float = -1) -> float:
    """A finite number from 0 on, or one above another."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is not a number")
    if not (math.isfinite(value) and value >= 0 and value > above):
        raise ValueError(f"{value!r} is not possible")
    return value
