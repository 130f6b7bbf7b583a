"""RO-Crate metadata of an archive: what each file is, what made it, from what."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rocrate.model.contextentity import ContextEntity
from rocrate.model.file import File
from rocrate.rocrate import ROCrate

from eager.config.experiment import ResolvedExperiment
from eager.exchange.archive.packing import write_archive
from eager.exchange.archive.plan import method_sources, needed_files
from eager.util.errors import EagerError
from eager.util.files import find_file, read_json, sha256_file, write_text
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
    ".py": "text/x-python",
    ".svg": "image/svg+xml",
    ".tex": "application/x-tex",
    ".tsv": "text/tab-separated-values",
    ".yaml": "application/yaml",
}


def crate_metadata(experiment: ResolvedExperiment, files: Mapping[str, Path]) -> str:
    """The text of ro-crate-metadata.json; the same for the same content.

    Args:
        experiment: what is packed.
        files: every other file of the archive, by its name in it.

    Source: RO-Crate 1.2, https://w3id.org/ro/crate/1.2. Each generation is a CreateAction.
    """
    crate = ROCrate(version=VERSION)
    runs = {name: read_json(files[name]) for one in experiment.targets for name in one.runs}
    code = code_state()
    crate.name = f"EAGer experiment {experiment.experiment}"
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
                "version": f"commit {code['commit']}"
                + (" with uncommitted changes" if code["dirty"] else ""),
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


def make_archive(experiment: ResolvedExperiment, others: Iterable[Path], output: Path) -> None:
    """Pack an experiment and RO-Crate metadata; the names are the paths as they are.

    Args:
        experiment: what is packed.
        others: relative paths of what to pack besides what its tables follow from.
        output: the archive.

    Raises:
        EagerError: a path is absolute or leaves the working folder.
    """
    paths = {*map(Path, needed_files(experiment)), *others}
    for path in paths:
        if path.is_absolute() or ".." in path.parts:
            raise EagerError(
                f"{path}: an archive holds files of this folder only; write a path below it"
            )
    with tempfile.TemporaryDirectory() as scratch:
        files = {path.as_posix(): find_file(path) for path in paths} | method_sources(experiment)
        metadata = Path(scratch, METADATA_NAME)
        write_text(metadata, crate_metadata(experiment, files))
        write_archive(output, {**files, METADATA_NAME: metadata})
