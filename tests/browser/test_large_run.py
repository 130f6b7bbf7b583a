"""A synthetic run as large as the paper's: 30 prompts x 32 sequences x 8,000 tokens, four methods.

Prints what it measures; sizes and memory are asserted, seconds are not, since machines differ.
Run with `pytest -m slow -s tests/browser`.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.archives import experiment_of
from tests.support.browser import Page
from tests.support.synthetic import DATASET, MODEL, SyntheticRun

pytest.importorskip("selenium", reason="needs the Python package selenium (envs/dev.lock)")
GIB = 2**30


def eager(folder: Path, command: str, *arguments: str) -> float:
    """Run a step in the folder of a workflow; its seconds."""
    start = time.monotonic()
    step = [sys.executable, "-m", "eager", command, "--experiment", "experiment.json", *arguments]
    subprocess.run(step, check=True, cwd=folder)
    return time.monotonic() - start


@pytest.mark.slow
def test_a_run_of_the_papers_size(open_page: Callable[..., Page], tmp_path: Path) -> None:
    targets = SyntheticRun(prompts=30, width=32, length=8000, vocabulary=32_768).make(tmp_path)
    experiment = experiment_of(targets)
    (tmp_path / "experiment.json").write_text(experiment.model_dump_json())
    measure = sum(eager(tmp_path, "measure", "--metrics", one.metrics) for one in targets)
    names = ("--model", MODEL, "--dataset", DATASET, "--folder", "results/synthetic/figures")
    figures = eager(tmp_path, "figures", *names)
    output = tmp_path / "report.html"
    tables = eager(tmp_path, "tables", "--folder", "results/synthetic/tables")
    report = eager(tmp_path, "report", "--output", str(output))
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    start = time.monotonic()
    page = open_page(output)
    opened = time.monotonic() - start
    page.screenshot("large-top")
    # From the start of the navigation until the explorer shows its first prompt.
    shown = page.run("return performance.getEntriesByName('explorer-shown')[0].startTime") / 1000
    start = time.monotonic()
    page.one("#next-prompt").click()
    page.wait_for("prompt p1")
    page.run("document.getElementById('explorer').scrollIntoView()")
    following = time.monotonic() - start
    page.screenshot("large-explorer")
    size = output.stat().st_size
    print(
        f"\nmeasure {measure:.1f} s, figures {figures:.1f} s, tables {tables:.1f} s, "
        f"report {report:.1f} s, largest process {memory / GIB:.2f} GiB; "
        f"page {size / 1e6:.1f} MB, shows its first prompt after {shown:.2f} s "
        f"({opened:.1f} s with the browser's start), the next after {following:.2f} s"
    )
    assert memory < 4 * GIB
    assert size < 60e6
    assert "left out" not in page.one("#explorer").text
