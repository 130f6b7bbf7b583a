"""RO-Crate metadata of an archive: what each file is, what made it, from what."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rocrate.model.contextentity import ContextEntity
from rocrate.model.file import File
from rocrate.rocrate import ROCrate

from eager.exchange.archive.packing import write_archive
from eager.exchange.archive.plan import PLAN_NAME, ArchivePlan
from eager.util.errors import EagerError
from eager.util.files import read_json, sha256_file, write_json, write_text
from eager.util.git import code_state

METADATA_NAME = "ro-crate-metadata.json"
VERSION = "1.2"
"""Of RO-Crate: the first whose context has schema.org's `sha256`."""
REPOSITORY_LICENCE = "https://spdx.org/licenses/Apache-2.0"
ENCODINGS = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".tex": "application/x-tex",
    ".tsv": "text/tab-separated-values",
    ".yaml": "application/yaml",
}


def crate_metadata(plan: ArchivePlan, files: Mapping[str, Path]) -> str:
    """The text of ro-crate-metadata.json; the same for the same content.

    Args:
        plan: of the archive.
        files: every other file of the archive, by its name in it.

    Source: RO-Crate 1.2, https://w3id.org/ro/crate/1.2. Each generation is a CreateAction.
    """
    crate = ROCrate(version=VERSION)
    runs = {name: read_json(files[name]) for result in plan.results for name in result.runs}
    crate.name = f"EAGer experiment {plan.experiment}"
    crate.description = (
        "Sequences, verdicts, metrics and tables of one experiment with entropy-aware "
        "generation (arXiv 2510.11170). Model weights are not in it: their hashes are in the "
        "manifests. `eager verify` recomputes the tables from the sequences."
    )
    crate.license = (
        f"Code: {REPOSITORY_LICENCE}. Problems and answers: as their data sets and models say."
    )
    # The time of the results, not of the packing: packing again gives the same bytes.
    crate.root_dataset["datePublished"] = max(run["finished_at"] for run in runs.values())
    software = crate.add(
        ContextEntity(
            crate,
            "#eager-repro",
            properties={
                "@type": "SoftwareSourceCode",
                "name": "EAGer-repro",
                "version": f"commit {plan.code['commit']}"
                + (" with uncommitted changes" if plan.code["dirty"] else ""),
                "license": {"@id": REPOSITORY_LICENCE},
            },
        )
    )
    entities = {name: _add_file(crate, name, files[name]) for name in sorted(files)}
    for name, run in sorted(runs.items()):
        _add_generation(crate, software, name, run, entities)
    content = crate.metadata.generate()
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _add_file(crate: Any, name: str, source: Path) -> Any:
    properties = {
        "name": source.name,
        "sha256": sha256_file(source),
        "contentSize": str(source.stat().st_size),
        "encodingFormat": ENCODINGS.get(source.suffix, "text/plain"),
    }
    return crate.add(File(crate, str(source), dest_path=name, properties=properties))


def _add_generation(
    crate: Any, software: Any, name: str, run: dict[str, Any], entities: Mapping[str, Any]
) -> None:
    """The generation that a run.json tells of, as an action with its results."""
    folder = name.rpartition("/")[0]
    made = [f"{folder}/{file}" for file in ("sequences.parquet", "branches.parquet", "run.json")]
    crate.add_action(
        software,
        identifier=f"#{folder}",
        result=[entities[file] for file in made],
        properties={
            "@type": "CreateAction",
            "name": f"generate: {run['parameters']['method']}",
            "endTime": run["finished_at"],
            "description": json.dumps(run["parameters"], sort_keys=True),
        },
    )


def make_archive(plan: ArchivePlan, others: list[Path], output: Path) -> None:
    """Pack files, the plan and RO-Crate metadata; the names are the paths as they are.

    Args:
        plan: how the results hang together.
        others: relative paths of what to pack besides the files of the plan.
        output: the archive.

    Raises:
        EagerError: a path is absolute or leaves the working folder.
    """
    paths = {Path(name) for name in plan.files} | set(others)
    for path in paths:
        if path.is_absolute() or ".." in path.parts:
            raise EagerError(
                f"{path}: an archive holds files of this folder only; write a path below it"
            )
    plan = plan.model_copy(update={"code": code_state()})
    with tempfile.TemporaryDirectory() as scratch:
        files = {path.as_posix(): path for path in paths}
        files[PLAN_NAME] = Path(scratch, PLAN_NAME)
        write_json(files[PLAN_NAME], plan.model_dump())
        metadata = Path(scratch, METADATA_NAME)
        write_text(metadata, crate_metadata(plan, files))
        write_archive(output, {**files, METADATA_NAME: metadata})
