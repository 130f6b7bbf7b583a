"""The shards of a generation as one result, in the order of its prompts.

A result comes about in two steps, so that its journal is never deleted before the workflow knows of
the result: `gather` writes it to a temporary folder; `keep` copies that to the result's place and
deletes the journal. A workflow that dies in between copies again.
"""

from __future__ import annotations

import filecmp
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eager.config.settings import DecodingSettings, EngineOptions
from eager.generation.journal import FinishedPrompt, Journal, remove_journals
from eager.generation.progress import Progress
from eager.generation.shard_job import generate, receipt_path
from eager.generation.shards import WHOLE
from eager.generation.work import Inputs, Work, read_work
from eager.util.errors import EagerError
from eager.util.files import read_json, replacing, report_full_disk, write_json
from eager.util.tables import BRANCHES, SEQUENCES, concatenate, read_table, write_table

RESULT_FILES = ("sequences.parquet", "branches.parquet", "run.json")
OF_ONE_SHARD = ("prompts", "prompts_found_finished", "load_seconds", "wall_seconds")
"""Keys of a receipt that add up over the shards."""


def generate_whole(
    settings: DecodingSettings,
    options: EngineOptions,
    inputs: Inputs,
    output: Path,
    progress_for: Callable[[int], Progress],
) -> None:
    """Make a result at once, without shards; arguments and errors as of `generate`."""
    generate(settings, options, inputs, output, WHOLE, progress_for)
    gather(settings, inputs, [receipt_path(output, WHOLE)], output / "gathered")
    keep(output / "gathered", output)
    shutil.rmtree(output / "gathered")


def gather(
    settings: DecodingSettings, inputs: Inputs, receipts: list[Path], gathered: Path
) -> None:
    """Put the prompts of all shards together.

    Args:
        settings: the parameters that make the result.
        inputs: the files that the shards have read.
        receipts: what the shards have written, in the result's folder beside the journal.
        gathered: folder to write sequences.parquet, branches.parquet and run.json in.

    Raises:
        EagerError: finished prompts are gone; the receipts are deleted then, so that a rerun of the
            workflow makes what is missing. Or the disk is full.
    """
    work = read_work(settings, inputs)
    described = [read_json(path) for path in receipts]
    with report_full_disk("The journal has all prompts"):
        finished = _finished_prompts(work, receipts, {run["journal"] for run in described})
        gathered.mkdir(parents=True, exist_ok=True)
        _write_tables(gathered, work, finished)
        write_json(gathered / "run.json", _describe(described, finished))


def keep(gathered: Path, output: Path) -> None:
    """Copy a gathered result to its place; delete journals and receipts of its folder.

    Args:
        gathered: the folder that `gather` wrote.
        output: folder of the result.

    Raises:
        EagerError: the disk is full.
    """
    with report_full_disk("The gathered result is kept"):
        for name in RESULT_FILES:
            with replacing(output / name) as temporary:
                shutil.copyfile(gathered / name, temporary)
    for name in RESULT_FILES:
        if not filecmp.cmp(gathered / name, output / name, shallow=False):
            raise RuntimeError(f"{output / name} does not read back as it was written")
    remove_journals(output)
    for receipt in output.glob("shard-*.json"):
        receipt.unlink()


def _finished_prompts(work: Work, receipts: list[Path], journals: set[str]) -> list[FinishedPrompt]:
    damage: list[str] = []
    finished: dict[str, FinishedPrompt] = {}
    if len(journals) == 1:
        journal = Journal(receipts[0].parent / journals.pop(), damage.append)
        for item in work.items:
            if (found := journal.read(item.key)) is not None:
                finished[item.prompt.id] = found
    missing = [item.prompt.id for item in work.items if item.prompt.id not in finished]
    if missing:
        for path in receipts:
            path.unlink()
        names = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        told = (
            f"{receipts[0].parent}: {len(missing)} of {len(work.items)} prompts are not in the "
            f"journal though their shards were done: {names}. Run the workflow again; it "
            "generates these only"
        )
        raise EagerError("\n".join([told, *damage]))
    return list(finished.values())


def _write_tables(gathered: Path, work: Work, finished: list[FinishedPrompt]) -> None:
    tables = []
    for item, result in zip(work.items, finished, strict=True):
        if work.initial is not None:
            tables.append(work.initial[item.prompt.id].replace_schema_metadata(None))
        tables.append(result.sequences)
    sequences = concatenate(tables, SEQUENCES)
    branches = concatenate((result.branches for result in finished), BRANCHES)
    write_table(gathered / "sequences.parquet", sequences, "sequences")
    write_table(gathered / "branches.parquet", branches, "branches")
    # Entropies are left out: their NaN is not equal to itself.
    compared = [name for name in SEQUENCES.names if name != "entropies"]
    written = read_table(gathered / "sequences.parquet", "sequences")
    if not written.select(compared).equals(sequences.select(compared)):
        raise RuntimeError(f"{gathered}/sequences.parquet does not read back as it was written")


def _describe(receipts: list[dict[str, Any]], finished: list[FinishedPrompt]) -> dict[str, Any]:
    """run.json of a result: the first shard's, with all shards' sums, and who made which."""
    run = {key: value for key, value in receipts[0].items() if key not in ("shard", "journal")}
    run |= {name: sum(receipt[name] for receipt in receipts) for name in OF_ONE_SHARD}
    run["counts"] = _sum_counts(finished)
    run["finished_at"] = max(receipt["finished_at"] for receipt in receipts)
    shown = ("shard", *OF_ONE_SHARD, "finished_at", "hardware")
    run["shards"] = [{key: receipt[key] for key in shown} for receipt in receipts]
    return run


def _sum_counts(finished: list[FinishedPrompt]) -> dict[str, float]:
    totals: dict[str, Any] = {}
    for result in finished:
        for name, count in result.counts.items():
            totals[name] = totals.get(name, 0) + count
    return totals
