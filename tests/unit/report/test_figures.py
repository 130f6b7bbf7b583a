"""Figures: every kind of run can be drawn, the same bytes each time, with words for each."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from eager.config.settings import RivalSettings
from eager.report.figures.cost import cons_at_max, pass_at_k
from eager.report.figures.draw import draw_figures
from eager.report.figures.facts import PERCENTILES, correlate, published_points, read_plot_data
from eager.report.figures.forest import draw_forest
from eager.report.figures.names import TITLES
from eager.report.figures.style import method_handles, new_figure, style, visible, write_heading
from eager.report.page.parts import figure
from tests.support.reports import tables_of_targets
from tests.support.results import CELL
from tests.support.synthetic import DATASET, MODEL, SyntheticRun

HEADER = "model,dataset,method,max_sequences,pass_at_k,tokens_per_prompt,source\n"
ENDS = ("", "_low", "_high")
DESCRIPTION = ".//{http://purl.org/dc/elements/1.1/}description"


def description(path: Path) -> str:
    return ElementTree.parse(path).find(DESCRIPTION).text  # noqa: S314


RUNS = {
    "usual": SyntheticRun(),
    "all right": SyntheticRun(right=lambda prompt, index: True),
    "all wrong": SyntheticRun(right=lambda prompt, index: False),
    "no branches": SyntheticRun(branching=False),
    "one prompt, one sequence, one token": SyntheticRun(prompts=1, width=1, length=1),
    "many forks": SyntheticRun(prompts=80, width=32, length=8),
}
LONG = {"many forks", "all wrong"}


@pytest.mark.parametrize(
    "run", [pytest.param(run, marks=[pytest.mark.long] * (run in LONG)) for run in RUNS]
)
def test_every_kind_of_run_is_drawn_without_a_warning(run: str, tmp_path: Path) -> None:
    targets = RUNS[run].make(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw_figures(targets, tables_of_targets(targets), None, tmp_path / "figures")
    for name, title in TITLES.items():
        with Image.open(tmp_path / f"figures/{name}.png") as image:
            assert image.width > 1000
        shown = figure(tmp_path / f"figures/{name}.svg", {name: "a caption"})
        assert shown["title"] == f"{title}: {MODEL} on {DATASET}"
        assert shown["description"].endswith(".")
        assert shown["caption"] == "a caption"
    entropy = description(tmp_path / "figures/entropy_accuracy.svg")
    if run in ("all right", "all wrong"):
        assert f"not defined ({run})" in entropy
    forks = description(tmp_path / "figures/branches.svg")
    assert ("no branches" in forks) == (
        run in ("no branches", "one prompt, one sequence, one token")
    )


def test_the_same_results_give_the_same_bytes(tmp_path: Path) -> None:
    targets = SyntheticRun(prompts=3, width=4, length=40).make(tmp_path)
    draw_figures(targets, tables_of_targets(targets), None, tmp_path / "first")
    with mpl.rc_context({"axes.facecolor": "red", "svg.fonttype": "none"}):  # a user's own
        draw_figures(targets, tables_of_targets(targets), None, tmp_path / "second")
    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("first", "second")
    )
    assert len(first) == 2 * len(TITLES)
    assert first == second


def test_a_legend_has_methods_of_ones_own_in_one_order() -> None:
    own = [f"own_{number}" for number in range(8)]  # a set has them in another order in each run
    shown = [handle.get_label() for handle in method_handles({*own, "parallel"})]
    assert shown == ["Full Parallel", *own]


def test_a_sweep_over_m_is_one_line_with_published_points(tmp_path: Path) -> None:
    targets = [t for width in (8, 2, 4) for t in SyntheticRun(width=width).make(tmp_path)]
    published = tmp_path / "published.csv"
    published.write_text(
        HEADER
        + f"{MODEL},{DATASET},eager,4,0.75,99999,somewhere\n"
        + f"{MODEL},{DATASET},eager,8,,,not known\n"
        + f"other,{DATASET},eager,4,0.75,120,somewhere\n"
    )
    made = tables_of_targets(targets)
    draw_figures(targets, made, published, tmp_path / "figures")
    text = description(tmp_path / "figures/pass_at_k.svg")
    assert text.index("EAGer at M 2:") < text.index("EAGer at M 4:") < text.index("EAGer at M 8:")
    assert "1 published points" in text
    points = published_points(published, MODEL, DATASET)
    with style():
        drawn, _ = pass_at_k(read_plot_data(targets, made), points)
    assert drawn.axes[0].get_xlim()[1] > 99999


def test_facts_agree_with_the_metrics(tmp_path: Path) -> None:
    run = SyntheticRun(prompts=5, width=8)
    targets = run.make(tmp_path)
    for fact in read_plot_data(targets, tables_of_targets(targets)):
        assert sum(p.initial + p.extra for p in fact.prompts) == fact.metrics["sequences"]
        passed = sum(p.right > 0 for p in fact.prompts) / 5
        assert fact.metrics["pass_at_k"] == pytest.approx(passed)
        assert (fact.method == "eager_init") == bool(fact.sequence_peaks)
        extra = 4 if fact.method in ("eager_adapt", "eager") else 0
        assert [p.extra for p in fact.prompts] == [extra] * 5


def test_correlation_of_known_cases() -> None:
    rising = np.arange(4.0)
    columns = np.column_stack([rising] * (len(PERCENTILES) - 1) + [np.ones(4)])
    found = correlate([*zip(columns, [3.0, 2.0, 1.0, -40.0], strict=True)])
    assert found.spearman[0] == pytest.approx(-1)
    assert found.pearson[0] == pytest.approx(float(np.corrcoef(rising, [3, 2, 1, -40])[0, 1]))
    assert np.isnan(found.pearson[-1])
    assert correlate([*zip(columns[:2], [0.0, 1.0], strict=True)]).reason


def test_token_texts_are_shown_with_blanks_and_code_points() -> None:
    assert visible(" a\n") == "␣a↵"
    assert visible("\u200b数") == r"\u{200b}\u{6570}"
    assert visible("x" * 40) == "x" * 23 + "…"


def test_full_parallel_is_a_line_with_rivals_and_the_forest_tells_differences(
    tmp_path: Path,
) -> None:
    runs = [SyntheticRun(prompts=6, width=width) for width in (2, 8)]
    targets = [target for run in runs for target in run.make(tmp_path)]
    draw_figures(targets, tables_of_targets(targets), None, tmp_path / "figures")
    passed = description(tmp_path / "figures/pass_at_k.svg")
    cons = description(tmp_path / "figures/cons_at_max.svg")
    assert "sampling until solved:" in passed
    assert "early stopping (ESC):" in cons
    assert "adaptive consistency:" in cons
    assert "until solved" not in cons
    forest = description(tmp_path / "figures/equal_tokens.svg")
    assert forest.count("Pass@k:") == forest.count("Cons@max:") == 2 * 3
    assert "EAGer-adapt, M 2, Pass@k: more tokens than all samples" in forest
    assert re.search(r"EAGer-init, M 8, Pass@k: -?\d\.\d{3} \[", forest)
    wide = read_plot_data(targets, tables_of_targets(targets, RivalSettings(window=8)))
    with style():
        assert cons_at_max(wide, [])[1] != cons
        assert pass_at_k(wide, [])[1] == passed


def test_a_long_heading_stays_inside_its_figure() -> None:
    named = f"{TITLES['equal_tokens']}: DeepSeek-R1-Distill-Qwen-32B on livecodebench (first 24)"
    with style():
        figure = new_figure()
        write_heading(figure, named)
        figure.draw_without_rendering()
        (heading,) = figure.texts
        assert heading.get_window_extent().width < figure.bbox.width
    assert " ".join(heading.get_text().split()) == named


def test_the_forest_of_many_cells_shows_pooled_rows_and_the_first_others(tmp_path: Path) -> None:
    name = "_equal_tokens_difference"
    figures = {f"{q}{name}{end}": 0.25 for q in ("pass_at_k", "cons_at_max") for end in ENDS}
    row = {**CELL, "method": "eager", **figures}
    rows = [{**row, "dataset": f"d{number}"} for number in range(100)]
    draw_forest([*rows, {**row, "dataset": "all"}], tmp_path, "many")
    assert "(72 of 101 rows)" in (tmp_path / "many.svg").read_text()
    told = description(tmp_path / "many.svg")
    assert told.count("Pass@k: 0.250 [0.250, 0.250]") == 72
    assert "EAGer, all data sets, Pass@k" in told
    assert "EAGer, d70, Pass@k" in told
    assert "EAGer, d71, Pass@k" not in told
    draw_forest([], tmp_path, "empty")
    assert description(tmp_path / "empty.svg") == "There is no method beside Full Parallel."
