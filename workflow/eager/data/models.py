"""Models on disk: a snapshot of the hub, a local folder, or the GGUF inside a Python package."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

from eager.config.schema import ModelEntry
from eager.util.errors import EagerError
from eager.util.files import find_file, sha256_file, write_json

WEIGHT_FILES = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")
"""What vLLM reads of a repository; leaves out duplicates in other formats."""


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
    files = sorted(path for path in folder.rglob("*") if path.is_file() and _is_content(path))
    write_json(
        manifest_path,
        {
            "model": name,
            "folder": str(folder),
            "source": entry.repo or entry.path or entry.gguf_package,
            "revision": entry.revision,
            "files": {str(path.relative_to(folder)): sha256_file(path) for path in files},
        },
    )


def _is_content(path: Path) -> bool:
    return not any(part.startswith(".") for part in path.parts[-3:])


def _download(name: str, entry: ModelEntry, folder: Path) -> None:
    from huggingface_hub import snapshot_download

    try:
        snapshot_download(
            entry.repo, revision=entry.revision, local_dir=folder, allow_patterns=list(WEIGHT_FILES)
        )
    except Exception as error:
        reason = (str(error).splitlines() or ["no details"])[0]
        raise EagerError(
            f"model {name}: cannot fetch {entry.repo} at {entry.revision} from the Hugging Face "
            f"hub ({type(error).__name__}: {reason}). Check the network, or download it elsewhere "
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
