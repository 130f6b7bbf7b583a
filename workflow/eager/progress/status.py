"""How far each method is in each cell: read from results, logs and the store; changes nothing.

Whether what is there is up to date, only Snakemake knows, and it is asked.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from eager.config.experiment import PlannedTarget, ResolvedExperiment
from eager.config.paths import STORE
from eager.config.schema import Cell
from eager.generation.provenance import fits_image
from eager.generation.store import Store
from eager.generation.work import read_work
from eager.util.errors import EagerError
from eager.util.logs import is_being_written

State = Literal["done", "outdated", "running", "failed", "partly", "missing"]
LOG_LINES = 5
CELL_COLUMNS = tuple(Cell.model_fields)
LOCKS = Path(".snakemake/locks")
TRIGGERS = ("mtime", "params", "input", "code")
"""What makes Snakemake run a job again, as in the profiles."""


@dataclass(frozen=True)
class ResultState:
    """How far the result of one method in one cell is.

    Attributes:
        cell: the row of the TSV.
        method: the method.
        folder: where its files are.
        state: done; outdated (there, and Snakemake would make it again); running; failed (begun,
            not there, and no job writes its log); partly (some steps are done); missing.
        rule: the rule it is at; None when it is done.
        prompts_finished: prompts in the store; None before they are encoded.
        prompts: prompts in all.
        log: log of what runs or has failed.
        last_lines: the end of the log of what has failed.
    """

    cell: dict[str, Any]
    method: str
    folder: str
    state: State
    rule: str | None
    prompts_finished: int | None
    prompts: int | None
    log: str | None = None
    last_lines: tuple[str, ...] = ()


def find_results(
    experiment: ResolvedExperiment, pending: Callable[[], set[str]]
) -> list[ResultState]:
    """The state of every method in every cell, in order of the cells.

    Args:
        experiment: the plan.
        pending: files that would be made; asked once, if any result is there.
    """
    by_metrics = {target.metrics: target for target in experiment.targets}
    described = {name: _describe(target) for name, target in by_metrics.items()}
    there = [name for name, found in described.items() if found["state"] == "done"]
    again = pending() if there else set()
    for name in there:
        if not again.isdisjoint(str(step.output) for step in _steps(by_metrics[name])):
            described[name]["state"] = "outdated"
    return [
        ResultState(target.cell, target.method, target.folder, **described[target.metrics])
        for target in experiment.targets
    ]


def pending_files(configfile: Path) -> set[str]:
    """Files of an experiment that Snakemake would make now.

    Raises:
        EagerError: Snakemake cannot plan it.
    """
    words = ["--dry-run", "--summary", "--rerun-triggers", *TRIGGERS, "--configfile"]
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *words, str(configfile)],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no reason given"]
        raise EagerError(
            f"{configfile}: Snakemake cannot plan it ({said[-1]}); `snakemake -n --configfile "
            f"{configfile}` says more"
        )
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    return {row[0] for row in rows if row[-1] == "update pending"}


def as_text(results: list[ResultState]) -> str:
    """A table of cells and methods, and under it what has failed, with the last log lines."""
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for result in results:
        key = tuple(result.cell.values())
        shown = [name for name in CELL_COLUMNS if name in result.cell]
        row = rows.setdefault(key, {name: result.cell[name] for name in shown})
        row[result.method] = _short(result)
    lines = [pd.DataFrame(list(rows.values())).to_string(index=False)]
    for result in {result.folder: result for result in results}.values():
        if result.state == "failed":
            lines += ["", f"{result.folder}: {result.rule} failed or was interrupted"]
            lines += [f"  {result.log}:", *(f"    {line}" for line in result.last_lines)]
    return "\n".join(lines)


def _short(result: ResultState) -> str:
    if result.state in ("done", "outdated", "missing"):
        return result.state
    known = result.prompts_finished is not None and result.prompts is not None
    progress = f" {result.prompts_finished}/{result.prompts}" if known else ""
    return f"{result.state}: {result.rule}{progress}"


@dataclass(frozen=True)
class _Step:
    """A rule of a result: its output, and the logs of its jobs."""

    rule: str
    output: Path
    logs: str


def _steps(target: PlannedTarget) -> Iterator[_Step]:
    folder = Path(target.folder)
    if target.allocation:
        yield _Step("allocate", Path(target.allocation), "allocate.log")
    yield _Step(target.method, folder / "run.json", "*-of-*.log")
    yield _Step("evaluate", folder / "verdicts.parquet", "evaluate.log")
    metrics = Path(target.metrics)
    yield _Step("measure", metrics, f"{metrics.stem.replace('metrics', 'measure', 1)}.log")


def _describe(target: PlannedTarget) -> dict[str, Any]:
    finished, prompts = _prompts(target)
    common = {"prompts_finished": finished, "prompts": prompts}
    steps = list(_steps(target))
    missing = [step for step in steps if not step.output.exists()]
    if not missing:
        return common | {"state": "done", "rule": None}
    step = missing[0]
    logs = _logs(target, step)
    log = logs[-1] if logs else None
    begun = log is not None and all(
        log.stat().st_mtime >= other.output.stat().st_mtime
        for other in steps
        if other not in missing
    )
    state: State = "missing" if len(missing) == len(steps) and not finished else "partly"
    if begun:
        state = "running" if any(map(_is_running, logs)) else "failed"
    shown = {"log": str(log), "last_lines": _last_lines(log)} if log and state == "failed" else {}
    return common | {"state": state, "rule": step.rule} | shown


def _prompts(target: PlannedTarget) -> tuple[int | None, int | None]:
    """How many prompts are in the store, and how many there are; None before they are encoded."""
    if not (Path(target.prompts).exists() and Path(target.model_manifest).exists()):
        return None, None
    try:
        work = read_work(target)
    except EagerError:
        # The budgeted methods have no prompts before their budget is shared.
        return None, None
    # Jobs may run with other software than this command, such as in a container.
    parts = [part for part in sorted(STORE.glob("*")) if fits_image(part.name)]
    stores = [Store(part, lambda _: None) for part in parts]
    unfinished = {
        item.prompt.id
        for key, item in zip(work.keys, work.items, strict=True)
        if not any((store.size(key) or 0) >= (item.samples or 1) for store in stores)
    }
    prompts = {item.prompt.id for item in work.items}
    return len(prompts) - len(unfinished), len(prompts)


def _logs(target: PlannedTarget, step: _Step) -> list[Path]:
    """Logs of the jobs of a step, the last one that was written to at the end."""
    folder = Path("logs", *Path(target.folder).parts[1:])
    return sorted(folder.glob(step.logs), key=lambda path: path.stat().st_mtime)


def _is_running(log: Path) -> bool:
    """Whether the job of a log runs; where files have no locks, whether Snakemake does."""
    held = is_being_written(log)
    return held if held is not None else LOCKS.is_dir() and any(LOCKS.iterdir())


def _last_lines(log: Path) -> tuple[str, ...]:
    text = log.read_text(encoding="utf-8", errors="replace")
    return tuple(line for line in text.splitlines() if line.strip())[-LOG_LINES:]
