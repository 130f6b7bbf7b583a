"""The whole demo in containers, and without: `make test-containers`."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from eager.containers.recipes import identity, lock_hashes, read_images
from tests.support.docker import built, leftovers, run
from tests.support.repository import copy_repository

pytestmark = pytest.mark.slow


def test_the_demo_in_containers_generates_what_it_does_without(
    stages_image: str, docker_image: str, tmp_path: Path
) -> None:
    built("generate-cpu")
    inside, outside = copy_repository(tmp_path / "inside"), copy_repository(tmp_path / "outside")
    seconds = []
    for repository, profile in ((inside, "docker"), (outside, "cpu")):
        started = time.monotonic()
        repository.snakemake(
            *("--workflow-profile", f"workflow/profiles/{profile}"),
            *("--config", "generate_image=generate-cpu"),
            f"container_runtime={'docker' if profile == 'docker' else 'none'}",
        )
        seconds.append(time.monotonic() - started)
    print(f"\nin containers {seconds[0]:.0f} s, without {seconds[1]:.0f} s")
    print(run("docker", "images", "--filter=reference=eager-*").stdout)
    made = sorted(path.relative_to(inside.folder) for path in inside.folder.rglob("*.parquet"))
    assert len([path for path in made if path.name == "sequences.parquet"]) == 8
    for path in made:
        assert (inside.folder / path).read_bytes() == (outside.folder / path).read_bytes(), path
        assert (inside.folder / path).stat().st_uid == os.geteuid()
    for path in inside.folder.glob("results/demo/**/run.json"):
        software = json.loads(path.read_text())["software"]
        assert software["runtime"] == "docker"
        assert software["recipe"] == identity("generate-cpu")
        assert software["locks"] == lock_hashes(read_images()["generate-cpu"].locks)
        assert software["image_id"].startswith("sha256:")
        assert software["not_as_locked"] == {}
    assert leftovers() == []
