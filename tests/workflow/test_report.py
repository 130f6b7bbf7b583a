"""Figures and report of the small experiment, made by the rules; Snakemake's own report."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from eager.config.settings import METHODS
from eager.report.figures.draw import FIGURES
from tests.support.repository import Repository

PLACE = "SmolLM2-135M-Instruct/small"


def test_the_run_ends_with_figures_and_report(small_run: Repository) -> None:
    results = small_run.folder / "results/small"
    for name in FIGURES:
        for kind in ("svg", "png"):
            assert (results / f"figures/{PLACE}/{name}.{kind}").stat().st_size > 1000
    page = (results / "report.html").read_text()
    assert page.count('<script type="text/plain" id="pack-') == 8 * len(METHODS)
    assert page.count("<figure>") == len(FIGURES)
    assert "EAGer-adapt</strong>:" in page
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
