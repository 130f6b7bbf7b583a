"""`eager check-machine` with the real engine on a CPU: its page, line by line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from eager.util.files import read_json
from tests.support.repository import Repository

NOT_ON_A_CPU = {
    "model runner",
    "bfloat16",
    "32 to 512 sequences",
}
CHECKED = {
    "options",
    "kill and resume",
    "other prompts in the batch",
    "best and second token",
    "entropies",
    "source of each token",
    "a step is a token",
    "prefix cache",
    "same seed twice",
    "another seed",
    "logprobs behind a cached prefix",
    "priorities",
    "greedy tokens of the reference",
}


@pytest.mark.long
def test_the_build_for_cpus_passes(small_run: Repository, tmp_path: Path) -> None:
    done = replace(small_run, scripted=False).eager(
        "check-machine",
        *("--prompts", "results/small/SmolLM2-135M-Instruct/small/prompts.parquet"),
        *("--output", str(tmp_path / "gpu-check")),
    )
    assert (tmp_path / "gpu-check/report.json").is_file(), done.stdout + done.stderr
    report = read_json(tmp_path / "gpu-check/report.json")
    engine = {line["name"]: line for line in report["lines"] if line["area"] != "machine"}
    assert {name for name, line in engine.items() if line["verdict"] == "ok"} >= CHECKED, (
        done.stdout + done.stderr
    )
    told = {name for name, line in engine.items() if "not checked without a GPU" in line["found"]}
    assert told == NOT_ON_A_CPU
    machine = {
        line["name"]: line["verdict"] for line in report["lines"] if line["area"] == "machine"
    }
    assert machine["GPUs"] == "missing"
    assert machine["vLLM"] == "ok"
    assert done.returncode == report["exit_code"]
    for rate in report["float32"]["rates"]:
        assert rate["sequences"] in (4, 8)
        assert rate["tokens"] >= 16
    page = (tmp_path / "gpu-check/report.md").read_text()
    assert all(f"| {name} | {line['verdict']} |" in page for name, line in engine.items())
