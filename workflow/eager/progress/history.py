"""What former runs in results/ cost: tokens per prompt and per second, seconds to load a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from eager.config.schema import DatasetEntry
from eager.config.settings import DEFAULT_RULE, DecodingSettings
from eager.util.errors import EagerError
from eager.util.files import parsed_lines, read_json
from eager.util.validation import faults_of


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
        tokens: tokens of its sequences; those of an EAGer-init that it builds on are not among
            them.
        seconds: time of engine and driver that made these, without loading the model.
        loads: seconds to load the model in each of its jobs that did.
        gpus: GPUs of each job.
        bytes: size of its tables.
        hardware: what it ran on.
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


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class _Parameters(_Part):
    method: str
    max_sequences: int = Field(ge=1)
    temperature: float = Field(gt=0)
    entropy_threshold: float | None = Field(None, ge=0)
    rule: str = DEFAULT_RULE


class _Counts(_Part):
    tokens: int = Field(0, ge=0)
    engine_seconds: float = Field(0, ge=0)
    driver_seconds: float = Field(0, ge=0)


class _Hardware(_Part):
    processor: str = ""
    gpus: list[str] = []


class _Shard(_Part):
    load_seconds: float | None = Field(ge=0)


class _Options(_Part):
    tensor_parallel_size: int = Field(1, ge=1)


class _Run(_Part):
    """A run.json as it concerns costs; a budgeted run without a share to spend counts nothing."""

    parameters: _Parameters
    counts: _Counts
    hardware: _Hardware
    prompts: int = Field(ge=1)
    shards: list[_Shard]
    engine_options: _Options = _Options()


def read_former_runs(results: Path = Path("results")) -> tuple[list[FormerRun], list[str]]:
    """All generations below a folder of results, whatever their experiment.

    Returns:
        The runs, and what to say about each run.json that is damaged and so left out.
    """
    runs: list[FormerRun] = []
    damaged: list[str] = []
    for path in sorted(results.glob("*/*/*/*/*/run.json")):
        fault = None
        try:
            content = read_json(path)
            # What was imported cost nothing here.
            if not isinstance(content, dict) or "imported_from" not in content:
                runs.append(_former_run(path, _Run.model_validate(content)))
        except EagerError as error:
            fault = str(error).partition(";")[0]
        except ValidationError as error:
            fault = f"{path}: damaged ({faults_of(_Run, error)[0]})"
        except OSError as error:
            fault = f"{path}: damaged ({error})"
        if fault:
            damaged.append(f"{fault}; left out, make it again or delete it")
    return runs, damaged


def key_of(model: str, dataset: str, settings: DecodingSettings | _Parameters) -> Key:
    """What makes the token counts of a result comparable with others."""
    branches = settings.method != "parallel"
    return Key(
        model,
        dataset,
        settings.method,
        settings.max_sequences,
        settings.entropy_threshold if branches else None,
        settings.temperature,
        settings.rule if branches else None,
    )


def prompts_of(name: str, entry: DatasetEntry) -> int | None:
    """Prompts of a data set: counted where it has been fetched, else as its entry says."""
    tasks = Path("results/datasets", name, "tasks.jsonl")
    if tasks.is_file():
        return sum(1 for _ in parsed_lines(tasks))
    return entry.rows


def _former_run(path: Path, run: _Run) -> FormerRun:
    _, model, dataset, *_ = path.parts[-6:]
    return FormerRun(
        folder=str(path.parent),
        key=key_of(model, dataset, run.parameters),
        prompts=run.prompts,
        tokens=run.counts.tokens,
        seconds=run.counts.engine_seconds + run.counts.driver_seconds,
        loads=tuple(shard.load_seconds for shard in run.shards if shard.load_seconds),
        gpus=run.engine_options.tensor_parallel_size,
        bytes=sum(table.stat().st_size for table in path.parent.glob("*.parquet")),
        hardware=", ".join(run.hardware.gpus or [run.hardware.processor]),
    )
