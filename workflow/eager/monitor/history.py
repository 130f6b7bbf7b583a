"""What former runs in results/ cost: tokens per prompt and per second, seconds to load a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from eager.config.schema import DatasetEntry
from eager.util.files import read_json, read_json_lines

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


def read_former_runs(results: Path = Path("results")) -> list[FormerRun]:
    """All generations below a folder of results, whatever their experiment."""
    paths = sorted(results.glob("*/*/*/*/*/run.json"))
    return [run for path in paths if (run := _read(path)) is not None]


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
    if tasks.exists():
        return sum(1 for _ in read_json_lines(tasks))
    return entry.rows


def _read(path: Path) -> FormerRun | None:
    """A run.json as it concerns costs; None for results that were imported, not generated."""
    content: dict[str, Any] = read_json(path)
    counts, parameters = content.get("counts", {}), content.get("parameters", {})
    if not counts.get("tokens") or "method" not in parameters:
        return None
    _, model, dataset, *_ = path.parts[-6:]
    hardware = content["hardware"]
    return FormerRun(
        folder=str(path.parent),
        key=(
            model,
            dataset,
            parameters["method"],
            parameters["max_sequences"],
            parameters.get("entropy_threshold"),
            parameters["temperature"],
        ),
        prompts=content["prompts"],
        tokens=int(counts["tokens"]),
        seconds=counts["engine_seconds"] + counts["driver_seconds"],
        loads=tuple(job["load_seconds"] for job in content["shards"] if job["load_seconds"]),
        bytes=sum(table.stat().st_size for table in path.parent.glob("*.parquet")),
        hardware=", ".join(hardware.get("gpus", [hardware["processor"]])),
    )
