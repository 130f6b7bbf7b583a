"""`eager run` through Snakemake: the plan of the authors' command line, and a real run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eager.config.settings import METHODS
from eager.util.files import read_json
from tests.support.repository import Repository, copy_finished, copy_repository, rules_run

FLAGS = (
    "--model_name SmolLM2-135M-Instruct --max_sequences 3 --temperature 0.6 --seed 55 "
    "--dtype float32 --max_model_len 512 --gpu_memory_utilization 0.8 --device cpu "
    "--experiments all"
)


def test_the_authors_command_line_plans_the_whole_workflow(tmp_path: Path) -> None:
    repository = copy_repository(tmp_path)
    words = ["--data_name", "arithmetic", "--entropy_threshold", "0.8", "1.0"]
    done = repository.eager("run", *FLAGS.split(), *words, "--dry_run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "--configfile results/SmolLM2-135M-Instruct--arithmetic/config" in done.stdout
    planned = rules_run(done)
    # Two thresholds share Full Parallel.
    assert planned["evaluate"] == 1 + 2 * 3
    bad = repository.eager("run", *FLAGS.split(), "--data_name", "arithmetik")
    assert (bad.returncode, bad.stdout) == (1, "")
    assert bad.stderr.count("\n") == 1
    assert "did you mean 'arithmetic'?" in bad.stderr


@pytest.mark.long
def test_a_run_makes_everything_and_the_authors_files(
    small_run: Repository, tmp_path: Path
) -> None:
    repository = copy_finished(small_run, tmp_path / "copy")
    data = tmp_path / "mine.jsonl"
    rows = (repository.folder / "config/data/arithmetic.jsonl").read_text().splitlines()
    data.write_text("\n".join(rows[:3]) + "\n")
    output = tmp_path / "theirs"
    words = ["--data_name", str(data), "--max_tokens", "16", "--output_dir", str(output)]
    words += ["--entropy_threshold", "1.0", "--record_entropies"]
    done = repository.eager("run", *FLAGS.split(), *words)
    assert done.returncode == 0, done.stdout + done.stderr
    made = repository.folder / "results/SmolLM2-135M-Instruct--mine"
    assert (made / "report.html").exists()
    names = sorted(path.name.split("seed55")[1] for path in output.rglob("*.json"))
    assert "_aware_results__th1.0.json" in names
    full = json.loads(next(output.rglob("*_default_results.json")).read_text())
    lists = [json.loads(text) for p in full["default-generations"] for text in p["entropies"]]
    assert all(entropy >= 0 for entropies in lists for entropy in entropies)
    folder = next(output.rglob("*_default_results.json")).parents[2]
    back = repository.eager("import", str(folder), "--output", "results/back")
    assert back.returncode == 0, back.stderr
    ours, theirs = (
        {metrics["method"]: (metrics["tokens"], metrics["pass_rate"]) for metrics in found}
        for found in (
            [read_json(path) for path in folder.rglob("metrics*.json")]
            for folder in (made, repository.folder / "results/back")
        )
    )
    assert theirs == ours
    assert set(ours) == set(METHODS)
