"""Cells and methods of an experiment and how far each is, from files only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow.parquet as pq

from eager.config.paths import result_folder
from eager.config.schema import Experiment
from eager.config.settings import Method
from eager.generation.journal import PREFIX
from eager.monitor.planning import Plan, PlannedJob

State = Literal["done", "outdated", "running", "queued", "failed", "partly", "missing"]
LOG_LINES = 5
CELL_COLUMNS = ("model", "dataset", "temperature", "max_sequences", "entropy_threshold", "seed")


@dataclass(frozen=True)
class Result:
    """How far the result of one method in one cell is.

    Attributes:
        cell: the row of the TSV.
        method: the method.
        folder: where its files are.
        state: done; outdated (there, and would be made again); running; queued
            (given to a cluster, not begun); failed (begun, not there, and no longer running);
            partly (some steps are done); missing.
        rule: the rule it is at; None when it is done.
        prompts_finished: prompts whose sequences are kept, while they are generated.
        prompts: prompts in all; None before they are encoded.
        cluster_jobs: ids at the cluster of what waits there.
        log: log of what runs or has failed.
        last_lines: the end of the log of what has failed.
    """

    cell: dict[str, Any]
    method: Method
    folder: str
    state: State
    rule: str | None
    prompts_finished: int | None
    prompts: int | None
    cluster_jobs: tuple[str, ...]
    log: str | None
    last_lines: tuple[str, ...]


def find_results(experiment: Experiment, plan: Plan) -> list[Result]:
    """The state of every method in every cell, in order of the cells."""
    jobs: dict[str, list[PlannedJob]] = {}
    for job in plan.jobs:
        for folder in {str(_folder_of_result(path)) for path in job.outputs}:
            jobs.setdefault(folder, []).append(job)
    found = []
    for cell in experiment.cells:
        for method in experiment.config.methods:
            folder = result_folder(experiment.config.experiment, cell, method)
            described = _describe(folder, jobs.get(folder, []), plan.snakemake_is_running)
            found.append(Result(cell.model_dump(), method, folder, **described))
    return found


def as_records(results: Iterable[Result]) -> list[dict[str, Any]]:
    """The results as JSON-ready records."""
    return [asdict(result) for result in results]


def as_text(results: list[Result]) -> str:
    """A table of cells and methods, and under it what has failed, with the last log lines."""
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for result in results:
        key = tuple(result.cell.values())
        row = rows.setdefault(key, {name: result.cell[name] for name in CELL_COLUMNS})
        row[result.method] = _short(result)
    lines = [pd.DataFrame(list(rows.values())).to_string(index=False)]
    for result in {result.folder: result for result in results}.values():
        if result.state == "failed":
            lines += ["", f"{result.folder}: {result.rule} failed or was interrupted"]
            lines += [f"  {result.log}:", *(f"    {line}" for line in result.last_lines)]
    return "\n".join(lines)


def _short(result: Result) -> str:
    if result.state in ("done", "outdated", "missing"):
        return result.state
    progress = ""
    if result.prompts_finished is not None:
        total = "?" if result.prompts is None else result.prompts
        progress = f" {result.prompts_finished}/{total}"
    job = f" (job {', '.join(result.cluster_jobs)})" if result.cluster_jobs else ""
    return f"{result.state}: {result.rule}{progress}{job}"


def _describe(folder: str, jobs: list[PlannedJob], snakemake_is_running: bool) -> dict[str, Any]:
    states = [
        _state(job, snakemake_is_running, [o for o in jobs[place:] if o.rule != job.rule])
        for place, job in enumerate(jobs)
    ]
    at, state = _where(jobs, states)
    kept = _prompts_kept(Path(folder))
    cluster_jobs = [
        number
        for job, its in zip(jobs, states, strict=True)
        if its in ("running", "queued")
        for number in job.cluster_jobs
    ]
    return {
        "state": state,
        "rule": None if at is None else at.rule,
        "prompts_finished": kept,
        "prompts": _prompts(Path(folder)),
        "cluster_jobs": tuple(cluster_jobs),
        "log": at.log if at is not None and state in ("running", "failed") else None,
        "last_lines": _last_lines(at.log) if at is not None and state == "failed" else (),
    }


def _where(jobs: list[PlannedJob], states: list[State]) -> tuple[PlannedJob | None, State]:
    """The job that says most about a result, and its state: what runs, else what failed, ..."""
    order: tuple[State, ...] = ("running", "failed", "queued", "outdated", "missing")
    for state in order:
        if state in states:
            partly = state == "missing" and "done" in states
            return jobs[states.index(state)], "partly" if partly else state
    return None, "done" if jobs else "missing"


def _state(job: PlannedJob, snakemake_is_running: bool, later: list[PlannedJob]) -> State:
    """How far one job is, given those of the result that come after it."""
    if job.reason is None:
        return "done"
    begun = _written(job.log)
    if job.started_at is not None and snakemake_is_running:
        return "running" if begun >= job.started_at else "queued"
    if all(Path(path).exists() for path in job.outputs):
        return "outdated"
    # A log that is older than what came of it is that of a run that went well.
    made_of_it = max((_written(path) for other in later for path in other.outputs), default=0)
    return "failed" if begun > made_of_it else "missing"


def _written(path: str | None) -> float:
    """When a file was written last; 0 if it is not there."""
    return Path(path).stat().st_mtime if path is not None and Path(path).exists() else 0


def _folder_of_result(output: str) -> Path:
    """results/{experiment}/{model}/{dataset}/{cell}/{method} of a file in or below it."""
    return Path(*Path(output).parts[:6])


def _prompts_kept(folder: Path) -> int | None:
    """Prompts in the journals; of journals side by side only the one written to last counts."""
    journals: dict[Path, Path] = {}
    for journal in folder.rglob(f"{PREFIX}*"):
        last = journals.get(journal.parent)
        if last is None or journal.stat().st_mtime > last.stat().st_mtime:
            journals[journal.parent] = journal
    if not journals:
        return None
    return sum(len(list(journal.glob("*.zip"))) for journal in journals.values())


def _prompts(folder: Path) -> int | None:
    prompts = folder.parents[1] / "prompts.parquet"
    return pq.read_metadata(prompts).num_rows if prompts.exists() else None


def _last_lines(log: str | None) -> tuple[str, ...]:
    if log is None or not Path(log).exists():
        return ()
    text = Path(log).read_text(encoding="utf-8", errors="replace")
    return tuple(line for line in text.splitlines() if line.strip())[-LOG_LINES:]
