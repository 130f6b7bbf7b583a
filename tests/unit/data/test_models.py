"""Local models by content: wherever they lie, and never other files than those that were hashed."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from eager.config.schema import ModelEntry
from eager.data import models
from eager.data.models import fetch_model, local_content, model_folder
from eager.util.errors import EagerError

TEMPLATE = "additional_chat_templates/short.jinja"
FILES = {"config.json": "{}", "tokenizer.json": "{}", "model.safetensors": "weights", TEMPLATE: "a"}
OTHERS = ["README.md", ".git/config.json", ".hidden.json", "optimizer.pt", "old/model.safetensors"]


def write(folder: Path, files: dict[str, str] = FILES) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def fetch(path: str | Path, manifest: Path) -> Path:
    fetch_model("mine", ModelEntry(path=str(path)), manifest.parent / "files", manifest)
    return manifest


def content(path: str | Path, manifest: Path, note: bool = True) -> str:
    return local_content(ModelEntry(path=str(path)), manifest, note=note)


@pytest.mark.parametrize("path", [".cache/.models/m", "../up/m", "link", "of_links", "others"])
def test_the_same_files_have_the_same_manifest_wherever_they_lie(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = fetch(write(tmp_path / "plain"), tmp_path / "one/manifest.json")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    if path == "link":
        Path(path).symlink_to(tmp_path / "plain")
    elif path == "of_links":  # as in the hub's cache
        for name in FILES:
            (Path(path) / name).parent.mkdir(parents=True, exist_ok=True)
            (Path(path) / name).symlink_to(tmp_path / "plain" / name)
    else:
        write(Path(path), FILES | (dict.fromkeys(OTHERS, "x") if path == "others" else {}))
    manifest = fetch(path, tmp_path / "two/manifest.json")
    assert manifest.read_bytes() == plain.read_bytes()
    assert list(json.loads(manifest.read_text())["files"]) == sorted(FILES)
    assert model_folder(manifest) == Path(path)


def test_the_first_form_of_weights_counts_and_a_folder_without_any_is_no_model(
    tmp_path: Path,
) -> None:
    folder = write(tmp_path / "model", {"config.json": "{}", "training_args.bin": "x"})
    with pytest.raises(EagerError, match=r"model mine: .*/model has no weights; put \*\.safetens"):
        fetch(folder, tmp_path / "manifest.json")
    for name in ("pytorch_model.bin", "model.safetensors"):
        manifest = fetch(write(folder, {name: "x"}), tmp_path / "manifest.json")
        assert [*json.loads(manifest.read_text())["files"]] == sorted(["config.json", name])
    (folder / "model-2.safetensors").symlink_to(tmp_path / "gone")
    with pytest.raises(EagerError, match=r"model-2\.safetensors: a link to a file that is not"):
        fetch(folder, tmp_path / "manifest.json")


@pytest.mark.parametrize("name", ["model.safetensors", TEMPLATE, "chat_template.jinja"])
@pytest.mark.parametrize("new", ["Weights", "b", None])
def test_a_model_that_was_changed_in_place_is_refused_and_seen(
    name: str, new: str | None, tmp_path: Path
) -> None:
    folder, manifest = write(tmp_path / "model"), tmp_path / "manifest.json"
    first = content(folder, manifest)
    assert content(folder, fetch(folder, manifest)) == first
    file = folder / name
    if new is None:
        file.unlink(missing_ok=True)
    else:  # packed with the same time and perhaps of the same size
        (folder / "new").write_text(new)
        shutil.copystat(folder / "config.json", folder / "new")
        if file.exists():
            shutil.copystat(file, folder / "new")
        (folder / "new").replace(file)
    if new is None and name == "chat_template.jinja":  # there was none
        assert (content(folder, manifest), model_folder(manifest)) == (first, folder)
        return
    with pytest.raises(EagerError, match=f"{folder}: {name}: not what .*manifest.json was made of"):
        model_folder(manifest)
    assert (second := content(folder, manifest)) != first
    if name == "model.safetensors":  # what reads no weights is not stopped by them
        assert model_folder(manifest, weights=False) == folder
    if new is not None:
        assert content(folder, fetch(folder, manifest)) == second
        assert model_folder(manifest) == folder


@pytest.mark.parametrize("act", ["touch", "copy", "move"])
def test_the_same_bytes_with_other_times_or_elsewhere_are_the_same_model(
    act: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "model")
    manifest = fetch(folder, tmp_path / "manifest.json")
    before, place = content(folder, manifest), (tmp_path / "place.json").read_bytes()
    if act == "touch":
        os.utime(folder / "model.safetensors", (0, 0))
    else:
        folder = Path(shutil.copytree(folder, tmp_path / "other"))
    if act == "move":
        shutil.rmtree(tmp_path / "model")
    assert content(folder, manifest, note=False) == before
    assert (tmp_path / "place.json").read_bytes() == place
    assert content(folder, manifest) == before
    monkeypatch.setattr(models, "sha256_file", None)  # once it is noted, nothing is hashed
    assert (content(folder, manifest), model_folder(manifest)) == (before, folder)


def test_a_model_that_was_taken_away_reruns_nothing_and_is_missed_when_it_is_read(
    tmp_path: Path,
) -> None:
    folder, manifest = write(tmp_path / "model"), tmp_path / "manifest.json"
    before = content(folder, fetch(folder, manifest))
    shutil.rmtree(folder)
    assert content(folder, manifest) == before
    with pytest.raises(EagerError, match=f"the model's folder {folder} is gone"):
        model_folder(manifest)
    (tmp_path / "place.json").unlink()
    with pytest.raises(EagerError, match=r"manifest\.json: no manifest with"):
        model_folder(manifest)
