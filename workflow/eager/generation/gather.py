"""The finished prompts of a generation as one result, in the order of its prompts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from eager.config.experiment import PlannedTarget
from eager.config.paths import STORE
from eager.config.settings import EngineOptions
from eager.generation.progress import Progress
from eager.generation.shard_job import done_file, generate
from eager.generation.shards import WHOLE
from eager.generation.store import FinishedPrompt, Store
from eager.generation.work import Work, read_work
from eager.util.counts import added
from eager.util.errors import EagerError
from eager.util.files import read_json, write_json
from eager.util.tables import BRANCHES, SEQUENCES, concatenate, read_table, write_table

OF_ONE_SHARD = (
    "prompts",
    "prompts_found_finished",
    "sequences_generated",
    "load_seconds",
    "wall_seconds",
)
"""Keys of a done file that add up over the shards."""


def generate_whole(
    target: PlannedTarget,
    options: EngineOptions,
    progress_for: Callable[[int], Progress],
    store: Path = STORE,
) -> None:
    """Make a result at once, without shards; arguments and errors as of `generate`."""
    work = read_work(target)
    generate(target, work, options, WHOLE, progress_for, store)
    done = done_file(target, WHOLE)
    gather(target, work, [done], store)
    done.unlink()


def gather(target: PlannedTarget, work: Work, done_files: list[Path], store: Path = STORE) -> None:
    """Put the finished prompts of all shards together.

    Writes sequences.parquet, branches.parquet and run.json.

    Args:
        target: what was generated, and from what.
        work: of the whole target.
        done_files: what the shards have written.
        store: finished prompts.

    Raises:
        EagerError: finished prompts are gone; the done files are deleted then, so that a rerun of
            the workflow generates what is missing.
        OSError: the disk is full.
    """
    described = [read_json(path) for path in done_files]
    part = store / _engine_of(described, done_files)
    finished = _finished_items(work, part, done_files)
    Path(target.folder).mkdir(parents=True, exist_ok=True)
    _write_tables(target, work, finished)
    write_json(target.file("run.json"), _describe(described, finished, work.keys))


def _engine_of(shards: list[dict[str, Any]], done_files: list[Path]) -> str:
    """The software that has generated all shards; its name is that of its part of the store."""
    engines = sorted({str(shard["engine"]) for shard in shards})
    if len(engines) > 1:
        for path in done_files:
            path.unlink()
        raise EagerError(
            f"{done_files[0].parent}: shards were generated with different software "
            f"({'; '.join(engines)}); install one on all machines and run the workflow again"
        )
    return engines[0]


def _finished_items(work: Work, folder: Path, done_files: list[Path]) -> list[FinishedPrompt]:
    damage: list[str] = []
    store = Store(folder, damage.append)
    found: list[FinishedPrompt] = []
    missing: dict[str, None] = {}
    for key, item in zip(work.keys, work.items, strict=True):
        entry = store.read(key)
        if entry is None or entry.sequences.num_rows < (item.samples or 0):
            missing[item.prompt.id] = None
        else:
            found.append(entry if item.samples is None else entry.first(item.samples))
    if missing:
        for path in done_files:
            path.unlink()
        names = ", ".join([*missing][:5]) + (", ..." if len(missing) > 5 else "")
        told = (
            f"{folder}: {len(missing)} of {len({i.prompt.id for i in work.items})} prompts are not "
            f"there though their shards were done: {names}. Run the workflow again; it generates "
            "these only"
        )
        raise EagerError("\n".join([told, *damage]))
    return found


def _write_tables(target: PlannedTarget, work: Work, finished: list[FinishedPrompt]) -> None:
    tables = []
    for item, result in zip(work.items, finished, strict=True):
        if work.initial is not None:
            tables.append(work.initial[item.prompt.id].replace_schema_metadata(None))
        tables.append(result.sequences)
    sequences = concatenate(tables, SEQUENCES)
    branches = concatenate((result.branches for result in finished), BRANCHES)
    path = target.file("sequences.parquet")
    write_table(target.file("branches.parquet"), branches, "branches")
    write_table(path, sequences, "sequences")
    # Entropies are left out: their NaN is not equal to itself.
    compared = [name for name in SEQUENCES.names if name != "entropies"]
    written = read_table(path, "sequences")
    if not written.select(compared).equals(sequences.select(compared)):
        raise RuntimeError(f"{path} does not read back as it was written")


def _describe(
    shards: list[dict[str, Any]], finished: list[FinishedPrompt], keys: list[str]
) -> dict[str, Any]:
    """run.json of a result: the first shard's, with all shards' sums, and who made which."""
    run = {key: value for key, value in shards[0].items() if key != "shard"}
    run |= {name: sum(shard[name] for shard in shards) for name in OF_ONE_SHARD}
    run["counts"] = added(*(result.counts for result in finished))
    run["finished_at"] = max(shard["finished_at"] for shard in shards)
    shown = ("shard", *OF_ONE_SHARD, "finished_at", "hardware")
    run["shards"] = [{key: shard[key] for key in shown} for shard in shards]
    run["store"] = keys
    return run
