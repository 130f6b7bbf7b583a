"""Local models and data sets by content: what is planned after files changed; no engine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.repository import Repository, copy_repository, rules_run
from tests.support.synthetic import write_model

PROFILE = ("--workflow-profile", "workflow/profiles/cpu")
MODELS = "SmolLM2-135M-Instruct: {path: model, context_length: 512}\n"
DATA = "config/data/small.jsonl"
DATASETS = f"small: {{kind: math, path: {DATA}, id_field: id, chat_template: false}}\n"
NEW_MODEL = {"fetch_model": 1, "encode_prompts": 1}
NEW_ROWS = {"fetch_dataset": 1, "encode_prompts": 1}


def encode(repository: Repository, *options: str) -> dict[str, int]:
    """Rules that encoding the prompts takes."""
    words = ("--until", "encode_prompts", "--cores", "1", "--configfile", "config/small.yaml")
    return rules_run(repository.snakemake(*words, *options))


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    repository = copy_repository(tmp_path_factory.mktemp("encoded") / "repository")
    write_model(repository.folder / "made", 300, ["1", "2"])
    (repository.folder / "made/files").rename(repository.folder / "model")
    (repository.folder / "model/model.safetensors").write_text("weights")
    (repository.folder / "config/models.yaml").write_text(MODELS)
    (repository.folder / "config/small_datasets.yaml").write_text(DATASETS)
    assert encode(repository) == NEW_MODEL | NEW_ROWS
    return repository


def edit(path: Path, old: str, new: str) -> None:
    """Other content in a file that is as old as the first one was, or older."""
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    os.utime(path, (0, 0))


def other_content(folder: Path) -> dict[str, int]:
    edit(folder / "model/model.safetensors", "weights", "Weights")
    edit(folder / DATA, "What is", "How much is")
    return NEW_MODEL | NEW_ROWS


def other_day(folder: Path) -> dict[str, int]:
    edit(folder / "config/models.yaml", "512", "512, template_date: 2024-07-26")
    return {"encode_prompts": 1}


def touch_and_move(folder: Path) -> dict[str, int]:
    for path in folder.glob("config/**/*.*"):
        os.utime(path)
    shutil.copytree(folder / "model", folder / "elsewhere/.model")
    shutil.rmtree(folder / "model")
    edit(folder / "config/models.yaml", "path: model", "path: elsewhere/.model")
    return {}


@pytest.mark.parametrize(
    ("act", "profile"),
    [(other_content, ()), (other_day, PROFILE), (touch_and_move, ()), (touch_and_move, PROFILE)],
)
def test_content_alone_decides_on_local_files(
    act: Callable[[Path], dict[str, int]],
    profile: tuple[str, ...],
    encoded: Repository,
    tmp_path: Path,
) -> None:
    shutil.copytree(encoded.folder, tmp_path / "copy", symlinks=True)
    repository = Repository(tmp_path / "copy")
    wanted = act(repository.folder)
    assert encode(repository, "--dry-run", *profile) == wanted
    assert encode(repository, *profile) == wanted
    assert encode(repository, "--dry-run", *profile) == {}


def test_prompts_are_not_encoded_by_another_tokenizer(encoded: Repository, tmp_path: Path) -> None:
    shutil.copytree(encoded.folder, tmp_path / "copy", symlinks=True)
    (tmp_path / "copy/model/chat_template.jinja").write_text("{{ messages }}")
    done = Repository(tmp_path / "copy").eager(
        "encode-prompts",
        *("--experiment", "results/small/experiment.json"),
        *("--model", "SmolLM2-135M-Instruct", "--dataset", "small"),
        *("--tasks", "results/datasets/small/tasks.jsonl", "--output", "p.parquet"),
        *("--model-manifest", "results/models/SmolLM2-135M-Instruct/manifest.json"),
    )
    assert done.returncode == 1
    assert "model: chat_template.jinja: not what results/models/SmolLM2" in done.stderr
    assert not (tmp_path / "copy/p.parquet").exists()
