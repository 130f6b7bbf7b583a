"""A small archive of synthetic results, and copies of it with other content."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from eager.config.settings import METHODS
from eager.evaluation.evaluate import evaluate_answers
from eager.exchange.archive.crate import make_archive
from eager.exchange.archive.packing import MANIFEST_NAME, write_archive
from eager.exchange.archive.plan import ArchivedResult, ArchivePlan
from eager.exchange.archive.verify import Recomputation
from eager.generation.budget import write_allocation
from eager.report.results import CellResults
from eager.util.files import read_json, write_json
from eager.util.tables import read_table, write_table
from tests.support.synthetic import SyntheticRun

TABLES = "results/synthetic/tables"
Change = Callable[[dict[str, bytes]], None]


def plan_of(cell: CellResults) -> ArchivePlan:
    results = [
        ArchivedResult(
            cell=cell.cell,
            method=method,
            folder=cell.methods[method],
            initial=cell.methods["eager_init"] if method in ("eager_adapt", "eager") else None,
            tasks=cell.tasks,
            kind="math",
        )
        for method in METHODS
    ]
    return ArchivePlan(experiment="synthetic", configuration={}, tables=TABLES, results=results)


def finish(cell: CellResults, plan: ArchivePlan) -> None:
    """Give a synthetic run what follows from its sequences: all but these is made again."""
    for result in plan.results:
        folder = Path(result.folder)
        sequences = read_table(folder / "sequences.parquet", "sequences")
        texts = pa.array([rf"so \boxed{{{n % 5 + 40}}}" for n in range(sequences.num_rows)])
        place = sequences.schema.get_field_index("text")
        write_table(
            folder / "sequences.parquet", sequences.set_column(place, "text", texts), "sequences"
        )
        run = read_json(folder / "run.json")
        write_json(folder / "run.json", run | {"finished_at": "2026-11-24T20:00:00+00:00"})
        evaluate_answers(
            folder / "sequences.parquet", Path(cell.tasks), folder / "verdicts.parquet"
        )
        if result.initial is not None:
            initial = Path(result.initial)
            write_allocation(
                "eager" if result.method == "eager" else "eager_adapt",
                initial / "sequences.parquet",
                initial / "verdicts.parquet",
                cell.cell["max_sequences"],
                cell.cell["entropy_threshold"],
                folder / "allocation.json",
                cell.cell.get("rule", "described"),
            )
    here = Recomputation(plan, archived=Path(), recomputed=Path(), sandbox=None)
    for step in (here.metrics, here.tables):
        assert all(same for _, same in step())


def pack_synthetic(folder: Path, output: Path, prompts: int = 5, **parameters: str) -> None:
    """The archive of a synthetic experiment that is made in `folder`; it is packed twice.

    Args:
        folder: an empty folder.
        output: the archive.
        prompts: how many there are.
        parameters: what the cell has besides, such as its rule.
    """
    before = Path.cwd()
    try:
        os.chdir(folder)
        cell = SyntheticRun(prompts=prompts, width=3, length=12, vocabulary=40).make(Path())
        cell.cell.update(parameters)
        plan = plan_of(cell)
        finish(cell, plan)
        make_archive(plan, [Path(cell.prompts), Path(cell.model_manifest)], output)
        again = folder / "again.zip"
        make_archive(plan, [Path(cell.model_manifest), Path(cell.prompts)], again)
        assert again.read_bytes() == output.read_bytes()
    finally:
        os.chdir(before)


def repack(source: Path, target: Path, change: Change, *, honest: bool) -> Path:
    """A copy with changed files; with `honest`, the manifest says what they are now."""
    with zipfile.ZipFile(source) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    if honest:
        folder = target.with_suffix("")
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        write_archive(target, {name: folder / name for name in files if name != MANIFEST_NAME})
    else:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    return target
