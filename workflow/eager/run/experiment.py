"""A command line as an experiment: models and data sets found, files written, Snakemake started."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import yaml

from eager.config.load import load_experiment, read_yaml
from eager.config.schema import Cell
from eager.config.settings import THINK_MARKER
from eager.generation.provenance import CPU_BUILD, installed_version
from eager.run.options import RunOptions
from eager.util.errors import EagerError
from eager.util.files import find_file, write_text
from eager.util.validation import closest

Say = Callable[[str], None]
EntryKind = Literal["model", "dataset"]
PROFILES = Path("workflow/profiles")
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
DATA_SUFFIXES = (".jsonl", ".jsonl.gz", ".parquet")
TOKENIZER_FILES = ("tokenizer_config.json", "tokenizer.json", "chat_template.jinja")
MODEL_KEYS = {"dtype", "end_of_thinking", "max_tokens"}
DATASET_KEYS = {"kind", "prompt_field", "split", "target_field", "prompt_template"}
CELL_KEYS = ("temperature", "rule")
"""Flags that are keys of an entry or columns of a cell by the same names."""


def run_experiment(options: RunOptions, say: Say) -> int:
    """Write the experiment and run it; the exit status of Snakemake.

    Args:
        options: the command line.
        say: is told, one line each, what was found and where it is written.

    Raises:
        EagerError: no workflow is here, a name is not known, or a value is not possible.
    """
    if not any(Path(folder, "Snakefile").exists() for folder in ("", "workflow")):
        raise EagerError(f"{Path.cwd()}: no Snakefile here; go to the folder of the workflow")
    profile = _profile(options)
    configfile = write_experiment(options, say)
    again = " ".join(["snakemake", *profile, "--configfile", str(configfile)])
    say(f"written: {configfile.parent}/; again: {again}")
    export = options.output_dir is not None
    targets = ["all", "export"] if export else []
    # Options that take several values would swallow the targets: these go first.
    command = [sys.executable, "-m", "snakemake", *targets, "--configfile", str(configfile)]
    command += [*profile, *options.snakemake]
    if options.dry_run:
        # The plan in a screen; a --quiet of one's own says how much of it.
        command += ["--dry-run", *["--quiet", "rules"] * ("--quiet" not in options.snakemake)]
    status = subprocess.run(command, check=False).returncode
    if export and status == 0 and not options.dry_run:
        made = configfile.parents[1] / "export"
        shutil.copytree(made, str(options.output_dir), dirs_exist_ok=True)
        say(f"written: {options.output_dir}, the results in the authors' format")
    return status


def write_experiment(options: RunOptions, say: Say) -> Path:
    """Write results/{name}/config/; the experiment's file.

    Raises:
        EagerError: a name is not known, or a value is not possible.
    """
    model, model_entry = find_entry("model", options.model, read_yaml(Path(options.models)), say)
    dataset, data_entry = find_entry(
        "dataset", options.dataset, read_yaml(Path(options.datasets)), say
    )
    said = options.model_dump(exclude_none=True)
    model_entry |= {key: said[key] for key in MODEL_KEYS & said.keys()}
    if options.max_model_len is not None:
        model_entry["context_length"] = options.max_model_len
    data_entry |= {key: said[key] for key in DATASET_KEYS & said.keys()}
    if options.max_tokens is not None:
        # A data set's own limit would count first.
        data_entry.pop("max_tokens", None)
    name = options.name or f"{model}--{dataset}"
    folder = Path("results") / name / "config"
    common = {"model": model, "dataset": dataset} | {key: said[key] for key in CELL_KEYS}
    cells = [
        Cell.model_validate(
            common | {"max_sequences": cap, "entropy_threshold": theta, "seed": seed}
        )
        for cap in options.max_sequences
        for theta in options.entropy_threshold
        for seed in options.seed
    ]
    experiment: dict[str, Any] = {
        "experiment": name,
        "cells": str(folder / "cells.tsv"),
        "models": str(folder / "models.yaml"),
        "datasets": str(folder / "datasets.yaml"),
        "methods": list(options.methods),
    }
    if options.record_entropies:
        experiment["record_entropies"] = True
    if options.gpu_memory_utilization is not None:
        experiment["engine"] = {"gpu_memory_utilization": options.gpu_memory_utilization}
    _write_yaml(folder / "models.yaml", {model: model_entry})
    _write_yaml(folder / "datasets.yaml", {dataset: data_entry})
    rows = ["\t".join(map(str, cell.model_dump().values())) for cell in cells]
    write_text(folder / "cells.tsv", "\n".join(["\t".join(Cell.model_fields), *rows, ""]))
    configfile = folder / "experiment.yaml"
    _write_yaml(configfile, experiment)
    load_experiment(experiment, str(configfile))
    return configfile


def find_entry(
    kind: EntryKind, given: str, known: Mapping[str, Any], say: Say
) -> tuple[str, dict[str, Any]]:
    """Name and entry of a model or data set: configured, on this disk, or on the hub.

    Args:
        kind: which of the two.
        given: what stands on the command line.
        known: the configured entries by name.
        say: is told the commit that a hub name was pinned to.

    Raises:
        EagerError: it is none of these, or the hub cannot be asked.
    """
    if given in known:
        return given, dict(known[given])
    path = Path(given)
    if path.exists():
        return _plain_name(_stem(path), known), _local(kind, path)
    for name, entry in known.items():
        if isinstance(entry, dict) and entry.get("repo") == given:
            say(f"{given}: configured as {name}, commit {entry.get('revision')}")
            return name, dict(entry)
    if not HUB_NAME.fullmatch(given):
        raise EagerError(
            f"--{kind} {given}: not configured, no such path and no name on the hub "
            f"(owner/name); {closest(given, known)}"
        )
    commit = commit_on_hub(kind, given)
    say(f"{given}: not configured; pinned to its present commit {commit}")
    entry = {"repo": given, "revision": commit}
    defaults = _thinking(hub_files(given, commit)) if kind == "model" else {"kind": "math"}
    return _plain_name(given.split("/")[1], known), {**entry, **defaults}


def commit_on_hub(kind: EntryKind, name: str) -> str:
    """The present commit of a repository on the Hugging Face hub, 40 hex digits.

    Raises:
        EagerError: the hub cannot be reached, or does not know the name.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    ask = api.model_info if kind == "model" else api.dataset_info
    with _hub(f"--{kind} {name}"):
        return str(ask(name, timeout=30).sha)


@contextmanager
def _hub(what: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        # The hub's client raises a dozen kinds of exception for "not there" and "no network".
        raise EagerError(
            f"{what}: cannot ask the Hugging Face hub ({type(error).__name__}); check the "
            "network, or give a configured name or a local path"
        ) from error


def hub_files(name: str, commit: str) -> list[Path]:
    """Those of a model's tokenizer, fetched from the Hugging Face hub."""
    from huggingface_hub import snapshot_download

    with _hub(f"--model {name}"):
        folder = snapshot_download(name, revision=commit, allow_patterns=list(TOKENIZER_FILES))
    return [Path(folder, file) for file in TOKENIZER_FILES]


def _thinking(files: Iterable[Path]) -> dict[str, str]:
    """The usual end of thinking of a model whose tokenizer or chat template knows it."""
    texts = (file.read_text("utf-8", "replace") for file in files if file.is_file())
    # JSON may spell the brackets so.
    plain = (text.replace("\\u003c", "<").replace("\\u003e", ">") for text in texts)
    return {"end_of_thinking": THINK_MARKER} if any(THINK_MARKER in t for t in plain) else {}


def _local(kind: EntryKind, path: Path) -> dict[str, Any]:
    if kind == "model":
        if not (path / "config.json").is_file():
            raise EagerError(
                f"--model {path}: no config.json in it; give a folder with a model's files"
            )
        return {"path": str(path), **_thinking(map(path.joinpath, TOKENIZER_FILES))}
    if not path.is_file():
        raise EagerError(f"--dataset {path}: not a file; give one of JSON lines or Parquet")
    return {"path": str(path), "kind": "math"}


def _stem(path: Path) -> str:
    """The last part of a path without the ending of a data set's file.

    Of a model that the workflow fetched, in results/models/{name}/files, the name.
    """
    path = path.resolve()
    name = path.parent.name if path.name == "files" else path.name
    for suffix in DATA_SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def _plain_name(text: str, known: Mapping[str, Any]) -> str:
    """A name of ours; another one than a configured entry's, whose files lie under its name."""
    name = re.sub(r"[^A-Za-z0-9._-]", "-", text).lstrip("._-") or "unnamed"
    return f"{name}-own" if name in known else name


def _profile(options: RunOptions) -> list[str]:
    """The profile: as given, else by the device, else by the build of vLLM that is installed."""
    arguments = []
    if options.workflow_profile:
        arguments += ["--workflow-profile", options.workflow_profile]
    if options.profile and (ours := find_file(PROFILES / options.profile)).is_dir():
        arguments += ["--workflow-profile", str(ours)]
    elif options.profile:
        arguments += ["--profile", options.profile]
    if arguments or {"--profile", "--workflow-profile"} & set(options.snakemake):
        return arguments
    device = (options.device or "auto").split(":")[0]
    if device == "auto":
        device = "cpu" if installed_version(CPU_BUILD) else "gpu"
    if device not in ("cpu", "cuda", "gpu"):
        raise EagerError(f"--device {options.device}: write cpu or cuda")
    name = "cpu" if device == "cpu" else "gpu"
    return ["--workflow-profile", str(find_file(PROFILES / name))]


def _write_yaml(path: Path, content: dict[str, Any]) -> None:
    # Through JSON, so that what was read of another YAML file is written plain, without anchors.
    text = yaml.safe_dump(json.loads(json.dumps(content)), sort_keys=False, allow_unicode=True)
    write_text(path, f"# Written by `eager run`.\n{text}")
