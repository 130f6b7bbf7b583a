"""`eager tune` on the real engine: what it writes goes beside an experiment and reruns nothing."""

from __future__ import annotations

import pytest
import yaml

from eager.config.settings import EngineOptions
from tests.support.repository import Repository

pytestmark = pytest.mark.long


def test_a_trial_is_written_and_used(small_run: Repository) -> None:
    folder = "results/small/SmolLM2-135M-Instruct/small"
    done = small_run.eager(
        "tune",
        *("--model-manifest", "results/models/SmolLM2-135M-Instruct/manifest.json"),
        *("--prompts", f"{folder}/prompts.parquet"),
        *("--dtype", "float32"),
        *("--max-tokens", "40"),
        *("--seconds", "5"),
        *("--output", "engine.yaml"),
    )
    assert done.returncode == 0, done.stderr
    written = yaml.safe_load((small_run.folder / "engine.yaml").read_text())
    options = EngineOptions.model_validate(written["engine"])
    assert options.max_num_seqs >= 8
    assert options.cpu_kv_cache_gib <= 3  # enough for 512 sequences of 120 tokens
    planned = small_run.snakemake(
        *("--configfile", "config/small.yaml", "engine.yaml"),
        *("--workflow-profile", "workflow/profiles/cpu", "--dry-run"),
    )
    assert "Job stats" not in planned.stdout
