"""The finished prompts of a generation as one result, in the order of its prompts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from eager.config.settings import DecodingSettings, EngineOptions
from eager.generation.counts import added
from eager.generation.progress import Progress
from eager.generation.samples import read_result
from eager.generation.shard_job import done_file, entry_keys, generate
from eager.generation.shards import WHOLE
from eager.generation.store import FinishedPrompt, Store
from eager.generation.work import Inputs, Work, read_work
from eager.util.errors import EagerError
from eager.util.files import read_json, report_full_disk, write_json
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
    settings: DecodingSettings,
    options: EngineOptions,
    inputs: Inputs,
    output: Path,
    progress_for: Callable[[int], Progress],
) -> None:
    """Make a result at once, without shards; arguments and errors as of `generate`."""
    generate(settings, options, inputs, output, WHOLE, progress_for)
    done = done_file(output, WHOLE)
    gather(settings, inputs, [done], output)
    done.unlink()


def gather(
    settings: DecodingSettings, inputs: Inputs, done_files: list[Path], output: Path
) -> None:
    """Put the finished prompts of all shards together.

    Args:
        settings: the parameters that make the result.
        inputs: the files that the shards have read, and the store.
        done_files: what the shards have written.
        output: folder to write sequences.parquet, branches.parquet and run.json in.

    Raises:
        EagerError: finished prompts are gone; the done files are deleted then, so that a rerun of
            the workflow generates what is missing. Or the disk is full.
    """
    work = read_work(settings, inputs)
    keys = entry_keys(settings, inputs, work)
    described = [read_json(path) for path in done_files]
    store = inputs.store / _engine_of(described, done_files)
    with report_full_disk("Finished prompts are kept"):
        finished = _finished_prompts(work, keys, store, done_files)
        output.mkdir(parents=True, exist_ok=True)
        _write_tables(output, work, finished)
        write_json(output / "run.json", _describe(described, finished, keys))


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


def _finished_prompts(
    work: Work, keys: list[str], folder: Path, done_files: list[Path]
) -> list[FinishedPrompt]:
    damage: list[str] = []
    store = Store(folder, damage.append)
    found = [read_result(store, key, item) for key, item in zip(keys, work.items, strict=True)]
    missing = [i.prompt.id for i, entry in zip(work.items, found, strict=True) if entry is None]
    if missing:
        for path in done_files:
            path.unlink()
        names = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        told = (
            f"{folder}: {len(missing)} of {len(work.items)} prompts are not there though their "
            f"shards were done: {names}. Run the workflow again; it generates these only"
        )
        raise EagerError("\n".join([told, *damage]))
    return [entry for entry in found if entry is not None]


def _write_tables(output: Path, work: Work, finished: list[FinishedPrompt]) -> None:
    tables = []
    for item, result in zip(work.items, finished, strict=True):
        if work.initial is not None:
            tables.append(work.initial[item.prompt.id].replace_schema_metadata(None))
        tables.append(result.sequences)
    sequences = concatenate(tables, SEQUENCES)
    branches = concatenate((result.branches for result in finished), BRANCHES)
    write_table(output / "branches.parquet", branches, "branches")
    write_table(output / "sequences.parquet", sequences, "sequences")
    # Entropies are left out: their NaN is not equal to itself.
    compared = [name for name in SEQUENCES.names if name != "entropies"]
    written = read_table(output / "sequences.parquet", "sequences")
    if not written.select(compared).equals(sequences.select(compared)):
        raise RuntimeError(f"{output}/sequences.parquet does not read back as it was written")


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
