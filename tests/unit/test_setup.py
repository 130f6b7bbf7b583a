"""`make setup` installs the build of vLLM that fits the machine, from a lock, and says why."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from eager.containers.recipes import GPU_LOCK, engine_pin, pins, pins_of
from tests.support.repository import ROOT

CPU_LOCKS = ("envs/torch-cpu.lock", "envs/generate.lock")
TWO = "NVIDIA A100, 580.65\nNVIDIA A100, 580.65"


def setup(folder: Path, lists: str | None, *words: str) -> subprocess.CompletedProcess[str]:
    """What `make setup` would do where nvidia-smi prints `lists`; None: it fails."""
    program = folder / "bin/nvidia-smi"
    program.parent.mkdir(exist_ok=True)
    program.write_text("#!/bin/sh\nexit 9\n" if lists is None else f"#!/bin/sh\necho '{lists}'\n")
    program.chmod(0o755)
    return subprocess.run(
        ["make", "--dry-run", "setup", "demo", f"VENV={folder}/venv", *words],
        cwd=ROOT, env=os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("lists", "words", "build", "said"),
    [
        (None, [], "cpu", "nvidia-smi lists no GPU"),
        ("", [], "cpu", "nvidia-smi lists no GPU"),
        (TWO, [], "gpu", "nvidia-smi lists 2 x NVIDIA A100, driver 580.65"),
        (TWO.replace("580", "570"), [], "cpu", "the driver 570.65 is older than 580"),
        (None, ["BUILD=gpu"], "gpu", "nvidia-smi lists no GPU"),
        (TWO, ["BUILD=cpu"], "cpu", "nvidia-smi lists 2 x NVIDIA A100"),
    ],
)
def test_the_build_that_fits_is_installed_and_used(
    lists: str | None, words: list[str], build: str, said: str, tmp_path: Path
) -> None:
    found = setup(tmp_path, lists, *words)
    assert found.returncode == 0, found.stderr
    assert f"vLLM's build for {build}s" in found.stdout
    assert said in found.stdout
    assert all((lock in found.stdout) == (build == "cpu") for lock in CPU_LOCKS)
    assert (GPU_LOCK in found.stdout) == (build == "gpu")
    assert f"--workflow-profile workflow/profiles/{build} " in found.stdout


def test_the_installed_build_stays_until_another_is_named(tmp_path: Path) -> None:
    mark = tmp_path / "venv/.installed-gpu"
    mark.parent.mkdir()
    mark.touch()
    assert "pip install" not in setup(tmp_path, None).stdout
    changed = setup(tmp_path, None, "BUILD=cpu").stdout
    assert f"venv --clear {tmp_path}/venv" in changed
    assert all(lock in changed for lock in CPU_LOCKS)
    wrong = setup(tmp_path, None, "BUILD=cuda")
    assert wrong.returncode
    assert "BUILD=cuda: write cpu or gpu" in wrong.stderr


def test_both_builds_are_one_version_with_hashes() -> None:
    locked = pins_of([GPU_LOCK], "3.11.7")
    assert ("vllm", locked["vllm"][0]) == engine_pin("generate")
    assert locked["vllm"][0] == engine_pin("generate-cpu")[1]
    cpu = pins("generate-cpu")
    for package in ("transformers", "tokenizers", "safetensors", "gguf", "pyarrow", "pydantic"):
        assert locked[package][0] == cpu[package][0]
    assert locked["torch"][0] == cpu["torch"][0].removesuffix("+cpu")
    for _, hashes in locked.values():
        assert hashes
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", text) for text in hashes)
