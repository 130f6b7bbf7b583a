"""`eager tune` on the real engine: what it writes goes beside an experiment and reruns nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from eager.config.settings import EngineOptions
from tests.support.repository import Repository


@pytest.mark.long
def test_a_trial_is_written_and_used(small_run: Repository, tmp_path: Path) -> None:
    folder = "results/small/SmolLM2-135M-Instruct/small"
    output = tmp_path / "engine.yaml"
    done = replace(small_run, scripted=False).eager(
        "tune",
        *("--model-manifest", "results/models/SmolLM2-135M-Instruct/manifest.json"),
        *("--prompts", f"{folder}/prompts.parquet"),
        *("--dtype", "float32"),
        *("--max-tokens", "40"),
        *("--seconds", "5"),
        *("--output", str(output)),
    )
    assert done.returncode == 0, done.stderr
    written = yaml.safe_load(output.read_text())
    options = EngineOptions.model_validate(written["engine"])
    assert options.max_num_seqs >= 8
    assert options.cpu_kv_cache_gib <= 3  # enough for 512 sequences of 120 tokens
    planned = small_run.snakemake(
        *("--configfile", "config/small.yaml", str(output)),
        *("--workflow-profile", "workflow/profiles/cpu", "--dry-run"),
    )
    assert "Job stats" not in planned.stdout
