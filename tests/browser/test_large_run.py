"""A synthetic run as large as the paper's: 30 prompts x 32 sequences x 8,000 tokens, four methods.

Prints what it measures; sizes and memory are asserted, seconds are not, since machines differ.
Run with `pytest -m slow -s tests/browser`.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from eager.report.figures.draw import FIGURES
from tests.browser.conftest import ROOT, Page
from tests.support.synthetic import SyntheticRun

pytest.importorskip("selenium", reason="needs the Python package selenium (envs/dev.lock)")
GIB = 2**30


def eager(*arguments: str) -> float:
    """Run a command; its seconds."""
    start = time.monotonic()
    subprocess.run([sys.executable, "-m", "eager", *arguments], check=True)
    return time.monotonic() - start


@pytest.mark.slow
def test_a_run_of_the_papers_size(open_page: Callable[..., Page], tmp_path: Path) -> None:
    run = SyntheticRun(prompts=30, width=32, length=8000, vocabulary=32_768)
    cell = run.make(tmp_path)
    cells = json.dumps([cell.model_dump()])
    measure = sum(
        eager(
            *("measure", "--method", method),
            *("--sequences", str(cell.file(method, "sequences.parquet"))),
            *("--verdicts", str(cell.file(method, "verdicts.parquet"))),
            *("--run", str(cell.file(method, "run.json"))),
            *("--output", str(tmp_path / "metrics.json")),
        )
        for method in cell.methods
    )
    folder = tmp_path / "figures"
    figures = eager("figures", "--cells", cells, "--folder", str(folder), "--prefix", "x--")
    arguments = ["--cells", cells]
    for name in FIGURES:
        arguments += ["--figure", str(folder / f"x--{name}.svg")]
        arguments += ["--caption", str(ROOT / f"workflow/report/{name}.rst")]
    output = tmp_path / "report.html"
    report = eager("report", *arguments, "--output", str(output))
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
        f"\nmeasure {measure:.1f} s, figures {figures:.1f} s, report {report:.1f} s, largest "
        f"process {memory / GIB:.2f} GiB; page {size / 1e6:.1f} MB, shows its first prompt after "
        f"{shown:.2f} s ({opened:.1f} s with the browser's start), the next after {following:.2f} s"
    )
    assert memory < 4 * GIB
    assert size < 60e6
    assert "left out" not in page.one("#explorer").text
