"""Models on disk: where they come from, which of their files count, and that these are the hashed.

A model is a snapshot of the hub, a local folder, or the GGUF inside a Python package.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from eager.config.schema import ModelEntry
from eager.config.settings import StrictModel
from eager.util.errors import EagerError, one_line
from eager.util.files import find_file, read_json, sha256_file, write_json

CONFIGURATION = ("*.json", "*.txt", "*.model", "*.jinja", "additional_chat_templates/*.jinja")
"""What vLLM and the tokenizer read of a model's folder besides the weights."""
WEIGHTS = ("*.safetensors", "*.bin", "*.pt")
"""Forms of weights, as vLLM looks for them: it reads the first that is there."""
OF_TRAINING = frozenset(
    {"training_args.bin", "optimizer.bin", "optimizer.pt", "scheduler.pt", "scaler.pt"}
)
"""Files in these forms that vLLM leaves out."""
Stamp = list[int]
"""Size in bytes, and the times of the last change of content and of anything, in nanoseconds.

The last one cannot be set: it tells files apart that were packed with one size and one time."""


class Place(StrictModel):
    """Where the files of a manifest lie, and how they looked when their content was compared.

    It stands in place.json beside the manifest and decides no result.

    Attributes:
        folder: of the model.
        stamps: of each file of the manifest.
        described: `description` of the folder that the manifest was made of.
    """

    folder: str
    stamps: dict[str, Stamp]
    described: str


def fetch_model(name: str, entry: ModelEntry, folder: Path, manifest_path: Path) -> None:
    """Put a model into `folder` (or point to a local one) and write a manifest of its files.

    Raises:
        EagerError: the source cannot be reached or is not a model.
    """
    if entry.path:
        folder = find_file(Path(entry.path))
    elif entry.gguf_package:
        _convert_gguf(name, entry.gguf_package, folder)
    else:
        _download(name, entry, folder)
    if not (folder / "config.json").is_file():
        raise EagerError(f"model {name}: {folder} has no config.json; it is not a model's folder")
    if not any(map(_is_weights, model_files(folder))):
        raise EagerError(
            f"model {name}: {folder} has no weights; put {WEIGHTS[0]} files beside its config.json"
        )
    source = entry.repo or entry.gguf_package or "a local folder"
    facts = {"model": name, "source": source, "revision": entry.revision}
    write_manifest(manifest_path, folder, facts)


def write_manifest(path: Path, folder: Path, facts: Mapping[str, Any]) -> None:
    """Write the hashes of a model's files, and beside them place.json.

    The same files give the same manifest wherever they lie.

    Args:
        path: the manifest.
        folder: of the model.
        facts: what else the manifest says.

    Raises:
        EagerError: a file cannot be read.
    """
    files = model_files(folder)
    # Before they are hashed: a file that is replaced meanwhile is hashed again when it is read.
    stamps = _stamps(files)
    write_json(path, {**facts, "files": {name: sha256_file(file) for name, file in files.items()}})
    place = Place(folder=str(folder), stamps=stamps, described=_digest(stamps))
    write_json(_place_path(path), place.model_dump())


def model_files(folder: Path) -> dict[str, Path]:
    """The files that decide what a model does, by their name in its folder, sorted.

    Weights, configuration, tokenizer and chat templates count; nothing else in the folder does.
    """
    forms = ([f for f in _matching(folder, form) if f.name not in OF_TRAINING] for form in WEIGHTS)
    counted = [*_matching(folder, *CONFIGURATION), *next(filter(None, forms), [])]
    named = {file.relative_to(folder).as_posix(): file for file in counted}
    return {name: named[name] for name in sorted(named)}


def _matching(folder: Path, *patterns: str) -> list[Path]:
    found = [file for pattern in patterns for file in folder.glob(pattern)]
    return [file for file in found if not file.name.startswith(".") and not file.is_dir()]


def model_folder(manifest_path: Path, *, weights: bool = True) -> Path:
    """The folder of a manifest's model, whose files are those that were hashed.

    A file is hashed again only if its size or times are others than when it was.

    Args:
        manifest_path: what `write_manifest` wrote.
        weights: whether the weights are read too; False: the tokenizer alone.

    Raises:
        EagerError: the folder is gone, or files in it are not those of the manifest.
    """
    try:
        hashes, place = _read_manifest(manifest_path)
    except (OSError, LookupError, ValueError):
        raise EagerError(
            f"{manifest_path}: no manifest with its place.json; delete it and rerun"
        ) from None
    folder = Path(place.folder)
    if not (folder / "config.json").is_file():
        raise EagerError(
            f"{manifest_path}: the model's folder {folder} is gone; delete the manifest and rerun"
        )
    if changed := _changed(hashes, place, model_files(folder), weights=weights):
        raise EagerError(
            f"{folder}: {', '.join(changed)}: not what {manifest_path} was made of; put the former "
            "files back, or delete the manifest and rerun, which hashes them again"
        )
    return folder


def local_content(entry: ModelEntry, manifest_path: Path, *, note: bool) -> str:
    """What Snakemake compares of a local model: another text for another content, else the same.

    Files are hashed only if their size or times are not those that are noted.

    Args:
        entry: the model's.
        manifest_path: what was made of it, or will be.
        note: whether to note where files lie now that are the manifest's, and their times.

    Returns:
        A hash of the files' sizes and times: of those that the manifest was made of where the
        content is still its own, else of those that are there. Empty: the model is not local.
    """
    if not entry.path:
        return ""
    folder = find_file(Path(entry.path))
    files = model_files(folder)
    try:
        hashes, place = _read_manifest(manifest_path)
    except (OSError, LookupError, ValueError):
        return _digest(_stamps(files))
    if not files:
        return place.described  # it was taken away; what is made of it stays
    if _changed(hashes, place, files):
        return _digest(_stamps(files))
    now = place.model_copy(update={"folder": str(folder), "stamps": _stamps(files)})
    if note and now != place:
        write_json(_place_path(manifest_path), now.model_dump())
    return place.described


def _read_manifest(path: Path) -> tuple[dict[str, str], Place]:
    """The hashes of a manifest, and its place."""
    return read_json(path)["files"], Place.model_validate(read_json(_place_path(path)))


def _place_path(manifest_path: Path) -> Path:
    return manifest_path.with_name("place.json")


def _changed(
    hashes: Mapping[str, str], place: Place, files: Mapping[str, Path], *, weights: bool = True
) -> list[str]:
    """Names of files that are missing, additional, or of another content than the manifest's."""
    stamps = _stamps(files)
    return [
        name
        for name in sorted({*hashes, *files})
        if stamps.get(name) != place.stamps.get(name)
        and (weights or not _is_weights(name))
        and (name not in files or sha256_file(files[name]) != hashes.get(name))
    ]


def _stamps(files: Mapping[str, Path]) -> dict[str, Stamp]:
    try:
        found = {name: file.stat() for name, file in files.items()}
    except FileNotFoundError as error:
        raise EagerError(
            f"{error.filename}: a link to a file that is not there; put the file back"
        ) from None
    return {name: [s.st_size, s.st_mtime_ns, s.st_ctime_ns] for name, s in found.items()}


def _digest(stamps: Mapping[str, Stamp]) -> str:
    return hashlib.sha256(json.dumps(stamps).encode()).hexdigest()


def _is_weights(name: str) -> bool:
    return any(PurePosixPath(name).match(form) for form in WEIGHTS)


def _download(name: str, entry: ModelEntry, folder: Path) -> None:
    from huggingface_hub import snapshot_download

    try:
        snapshot_download(
            entry.repo,
            revision=entry.revision,
            local_dir=folder,
            allow_patterns=[*CONFIGURATION, WEIGHTS[0]],
        )
    except Exception as error:
        raise EagerError(
            f"model {name}: cannot fetch {entry.repo} at {entry.revision} from the Hugging Face "
            f"hub ({one_line(error)}). Check the network, or download it elsewhere "
            "and set `path:` to the local folder"
        ) from error


def _convert_gguf(name: str, package: str, folder: Path) -> None:
    """Dequantise a package's GGUF to float32 safetensors, which vLLM's CPU build reads."""
    import gguf
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    # transformers reads the file's metadata four times, which takes seconds each.
    gguf.GGUFReader = cache(gguf.GGUFReader)  # type: ignore[misc, assignment]
    spec = importlib.util.find_spec(package)
    places = spec.submodule_search_locations if spec else None
    found = [path for place in places or () for path in Path(place).rglob("*.gguf")]
    if len(found) != 1:
        raise EagerError(
            f"model {name}: the Python package {package!r} (key gguf_package) is not installed or "
            f"does not carry exactly one GGUF file; found {[path.name for path in found]}"
        )
    source = {"pretrained_model_name_or_path": found[0].parent, "gguf_file": found[0].name}
    model = AutoModelForCausalLM.from_pretrained(
        **source, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
    )
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(**source, config=model.config).save_pretrained(folder)
