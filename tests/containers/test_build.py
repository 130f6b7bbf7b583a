"""An image that was built here: what it says of itself, and what `tools.images verify` finds."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from eager.containers.recipes import ROOT, identity, pins, read_images
from tests.support.docker import run
from tools.images.build import LOCAL_BASE, build_image, image_record, write_sbom
from tools.images.records import compare_files, compare_images, record


def of_evaluate(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("evaluate:")]


def test_an_image_says_what_it_is_made_of(docker_image: str) -> None:
    inside = run(
        "docker", "run", "--rm", docker_image, "-c", "print(open('/opt/eager/image.json').read())"
    )
    assert json.loads(inside.stdout) == image_record("evaluate", LOCAL_BASE)
    listed = run(
        *("docker", "run", "--rm", docker_image, "-c"),
        "import importlib.metadata as m, json;"
        "print(json.dumps({d.name: d.version for d in m.distributions()}))",
    )
    installed = {name.lower().replace("_", "-"): v for name, v in json.loads(listed.stdout).items()}
    for package, (version, _) in pins("evaluate").items():
        assert installed[package] == version
    labels = json.loads(run("docker", "image", "inspect", docker_image).stdout)[0]["Config"][
        "Labels"
    ]
    assert labels["org.opencontainers.image.title"] == "eager-evaluate"
    assert labels["org.eager-repro.recipe"] == identity("evaluate")


def test_what_is_there_is_not_built_again(docker_image: str) -> None:
    said: list[str] = []
    assert not build_image("evaluate", "docker", LOCAL_BASE, said.append)
    assert said == [f"evaluate: {docker_image} is up to date"]


def id_of(image: str) -> str:
    return run("docker", "image", "inspect", "--format={{.Id}}", image).stdout.strip()


def test_verify_says_what_differs(docker_image: str) -> None:
    base = read_images()["evaluate"].base
    assert of_evaluate(compare_images("docker")) == [
        f"evaluate: built on {LOCAL_BASE}, not on {base}"
    ]
    original = id_of(docker_image)
    run("docker", "tag", LOCAL_BASE, docker_image)
    try:
        lines = of_evaluate(compare_images("docker"))
        assert "says it is of recipe none; the name was moved by hand" in lines[0]
    finally:
        run("docker", "tag", original, docker_image)


def test_lock_records_what_is_here_and_verify_compares_with_it(
    docker_image: str, tmp_path: Path
) -> None:
    for folder in ("containers", "envs"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    record("docker", tmp_path)
    built = read_images(tmp_path)["evaluate"].built
    assert built is not None
    assert (built.id, built.base) == (id_of(docker_image), LOCAL_BASE)
    assert compare_files(tmp_path) == []
    path = tmp_path / "containers/images.yaml"
    path.write_text(path.read_text().replace(built.id, "sha256:" + "0" * 64))
    lines = of_evaluate(compare_images("docker", tmp_path))
    assert f"evaluate: {built.id} is here, sha256:{'0' * 64} is recorded" in lines


def test_an_sbom_lists_the_packages_with_their_hashes() -> None:
    pytest.importorskip("cyclonedx_py")
    content = json.loads(write_sbom("evaluate").read_text())
    assert content["bomFormat"] == "CycloneDX"
    found = {component["name"]: component for component in content["components"]}
    for package, (version, hashes) in pins("evaluate").items():
        assert found[package]["version"] == version
        text = json.dumps(found[package])
        assert all(value.removeprefix("sha256:") in text for value in hashes)
