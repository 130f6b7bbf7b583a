"""A small archive of synthetic results, and copies of it with other content."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from eager.config.experiment import PlannedTarget, ResolvedExperiment
from eager.exchange.archive.crate import make_archive
from eager.exchange.archive.packing import MANIFEST_NAME, write_archive
from eager.exchange.archive.verify import STEPS
from eager.util.files import read_json, write_json
from eager.util.tables import read_table, write_table
from tests.support.synthetic import SyntheticRun

TABLES = "results/synthetic/tables"
Change = Callable[[dict[str, bytes]], None]


def experiment_of(targets: list[PlannedTarget], *imported: str) -> ResolvedExperiment:
    """The experiment of a synthetic run in the working folder, with folders of imported results."""
    return ResolvedExperiment(
        experiment="synthetic",
        configuration={"published": None, "imported": list(imported)},
        models={},
        datasets={},
        targets=targets,
    )


def finish(experiment: ResolvedExperiment) -> None:
    """Give a synthetic run what follows from its sequences: all but these is made again."""
    for target in experiment.targets:
        path = target.file("sequences.parquet")
        sequences = read_table(path, "sequences")
        texts = pa.array([rf"so \boxed{{{n % 5 + 40}}}" for n in range(sequences.num_rows)])
        place = sequences.schema.get_field_index("text")
        write_table(path, sequences.set_column(place, "text", texts), "sequences")
        run = read_json(target.file("run.json"))
        write_json(target.file("run.json"), run | {"finished_at": "2026-11-24T20:00:00+00:00"})
    for step in STEPS.values():
        step(experiment, None)
    write_json(experiment.folder / "experiment.json", experiment.model_dump(mode="json"))


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
        targets = SyntheticRun(prompts=prompts, width=3, length=12, vocabulary=40).make(Path())
        changed = [
            target.model_copy(
                update={
                    "cell": target.cell | parameters,
                    "settings": target.settings.model_copy(update=parameters),
                }
            )
            for target in targets
        ]
        experiment = experiment_of(changed)
        finish(experiment)
        others = [Path(targets[0].model_manifest)]
        make_archive(experiment, others, output)
        again = folder / "again.zip"
        make_archive(experiment, others, again)
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
