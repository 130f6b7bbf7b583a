"""Local models by content: wherever they lie, and never other files than those that were hashed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from eager.config.schema import ModelEntry
from eager.data import models
from eager.data.models import fetch_model, local_content, model_folder
from eager.util.errors import EagerError

FILES = {
    "config.json": "{}",
    "tokenizer.json": "{}",
    "model.safetensors": "weights",
    "additional_chat_templates/short.jinja": "{{ messages }}",
}
OTHERS = ["README.md", ".git/config.json", ".hidden.json", "optimizer.pt", "old/model.safetensors"]


def write(folder: Path, names: list[str] | dict[str, str] = FILES) -> Path:
    """A model's folder; a name that stands alone is the content too."""
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(names[name] if isinstance(names, dict) else name)
    return folder


def fetch(path: str | Path, manifest: Path) -> Path:
    fetch_model("mine", ModelEntry(path=str(path)), manifest.parent / "files", manifest)
    return manifest


def below_dots(folder: Path) -> str:
    return str(write(folder / ".cache/.models/my-model"))


def above(folder: Path) -> str:
    write(folder / "my-model")
    return "../my-model"


def through_a_link(folder: Path) -> str:
    (folder / "link").symlink_to(write(folder / "my-model"))
    return str(folder / "link")


def of_links(folder: Path) -> str:
    """As the hub's cache has it: names are links to files named by their content."""
    model = write(folder / "snapshot", {"config.json": "{}"})
    for number, name in enumerate(list(FILES)[1:]):
        blob = write(folder / "blobs", {str(number): FILES[name]}) / str(number)
        (model / name).parent.mkdir(exist_ok=True)
        (model / name).symlink_to(blob)
    return str(model)


def among_others(folder: Path) -> str:
    return str(write(write(folder / "my-model"), OTHERS))


@pytest.mark.parametrize("place", [below_dots, above, through_a_link, of_links, among_others])
def test_the_same_files_have_the_same_manifest_wherever_they_lie(
    place: Callable[[Path], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = fetch(write(tmp_path / "plain"), tmp_path / "one/manifest.json")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    manifest = fetch(place(tmp_path), tmp_path / "two/manifest.json")
    assert manifest.read_bytes() == plain.read_bytes()
    assert list(json.loads(manifest.read_text())["files"]) == sorted(FILES)
    assert (model_folder(manifest) / "tokenizer.json").read_text() == "{}"


def test_the_first_form_of_weights_counts_and_a_folder_without_any_is_no_model(
    tmp_path: Path,
) -> None:
    folder = write(tmp_path / "model", ["config.json", "training_args.bin"])
    with pytest.raises(EagerError, match=r"model mine: .*/model has no weights; put \*\.safetens"):
        fetch(folder, tmp_path / "manifest.json")
    assert not (tmp_path / "manifest.json").exists()
    for name in ("pytorch_model.bin", "model.safetensors"):
        files = json.loads(fetch(write(folder, [name]), tmp_path / "manifest.json").read_text())
        assert [*files["files"]] == sorted(["config.json", name])


def replace(file: Path, content: str, keep_time: bool = True) -> None:
    """Other content, by a file that was packed with the same size and time."""
    before = file.stat()
    file.with_name("new").write_text(content)
    file.with_name("new").replace(file)
    if keep_time:
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def change(folder: Path) -> str:
    replace(folder / "model.safetensors", "Weights")
    return "model.safetensors"


def change_template(folder: Path) -> str:
    replace(folder / "additional_chat_templates/short.jinja", "{{ message  }}")
    return "additional_chat_templates/short.jinja"


def add(folder: Path) -> str:
    write(folder, ["chat_template.jinja"])
    return "chat_template.jinja"


def remove(folder: Path) -> str:
    (folder / "model.safetensors").unlink()
    return "model.safetensors"


@pytest.mark.parametrize("act", [change, change_template, add, remove])
def test_a_model_that_was_changed_in_place_is_refused_and_seen(
    act: Callable[[Path], str], tmp_path: Path
) -> None:
    folder, manifest = write(tmp_path / "model"), tmp_path / "manifest.json"
    entry = ModelEntry(path=str(folder))
    first = local_content(entry, manifest, note=True)
    assert local_content(entry, fetch(folder, manifest), note=True) == first
    name = act(folder)
    with pytest.raises(EagerError, match=f"{folder}: {name}: not what .*manifest.json was made of"):
        model_folder(manifest)
    second = local_content(entry, manifest, note=True)
    assert second != first
    # What is read without its weights is judged without them.
    if name == "model.safetensors":
        assert model_folder(manifest, weights=False) == folder
    if act is not remove:
        fetch(folder, manifest)
        assert local_content(entry, manifest, note=True) == second
        assert model_folder(manifest) == folder


def touch(folder: Path) -> Path:
    os.utime(folder / "model.safetensors", (0, 0))
    return folder


def copy(folder: Path) -> Path:
    return Path(shutil.copytree(folder, folder.with_name("copy")))


def move(folder: Path) -> Path:
    return folder.rename(folder.with_name("moved"))


@pytest.mark.parametrize("act", [touch, copy, move])
def test_the_same_bytes_with_other_times_or_elsewhere_are_the_same_model(
    act: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = fetch(write(tmp_path / "model"), tmp_path / "manifest.json")
    before = local_content(ModelEntry(path=str(tmp_path / "model")), manifest, note=True)
    entry = ModelEntry(path=str(act(tmp_path / "model")))
    place = (tmp_path / "place.json").read_bytes()
    assert local_content(entry, manifest, note=False) == before
    assert (tmp_path / "place.json").read_bytes() == place
    assert local_content(entry, manifest, note=True) == before
    # Once it is noted, nothing is hashed: as cheap for 20 GB.
    monkeypatch.setattr(models, "sha256_file", None)
    assert local_content(entry, manifest, note=True) == before
    assert model_folder(manifest) == Path(str(entry.path))


def test_a_local_model_that_was_taken_away_reruns_nothing_and_is_missed_when_it_is_read(
    tmp_path: Path,
) -> None:
    folder, manifest = write(tmp_path / "model"), tmp_path / "manifest.json"
    before = local_content(ModelEntry(path=str(folder)), fetch(folder, manifest), note=True)
    shutil.rmtree(folder)
    assert local_content(ModelEntry(path=str(folder)), manifest, note=True) == before
    with pytest.raises(EagerError, match=f"the model's folder {folder} is gone"):
        model_folder(manifest)
    (tmp_path / "place.json").unlink()
    with pytest.raises(EagerError, match=r"manifest\.json: no manifest with"):
        model_folder(manifest)


def test_a_link_to_nothing_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "model")
    (folder / "model-2.safetensors").symlink_to(tmp_path / "gone")
    with pytest.raises(EagerError, match=r"model-2\.safetensors: a link to a file that is not"):
        fetch(folder, tmp_path / "manifest.json")
