"""The small experiment, packed by its rule and verified in an empty folder."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.repository import Repository, copy_finished

pytestmark = pytest.mark.long


def test_a_real_experiment_is_recomputed_byte_for_byte(
    small_run: Repository, tmp_path: Path
) -> None:
    repository = copy_finished(small_run, tmp_path / "repository")
    repository.small("archive")
    packed = repository.folder / "results/small/archive.zip"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "eager", "verify", str(packed)],
        cwd=elsewhere,
        env=repository.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "4 files evaluated again: the same" in done.stdout
    written = re.search(r"(\d+) files written again: the same", done.stdout)
    assert written is not None
    assert int(written[1]) > 15
    assert list(elsewhere.iterdir()) == []
    with zipfile.ZipFile(packed) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    for needed in ("config/small.yaml", "config/small.tsv", "results/small/report.html"):
        assert needed in files
    assert {name for name in files if name.startswith("envs/")} >= {"envs/workflow.lock"}
    assert not any(name.endswith(".safetensors") for name in files)
    assert all("\n" not in name and not name.startswith("/") for name in files)
