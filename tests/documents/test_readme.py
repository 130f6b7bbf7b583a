"""README.md and the page on deviations equal what their generators make."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from eager.config.settings import METHODS
from eager.util.errors import EagerError
from eager.util.tables import read_table
from tools.deviations import page
from tools.deviations.record import result_folders
from tools.deviations.replay import read
from tools.docs import readme
from tools.docs.sections import with_section

RESULTS = readme.ROOT / "results"

needs_demo = pytest.mark.skipif(
    not readme.FRESH.exists(), reason="no finished demo here; `make demo` makes it"
)


@pytest.fixture
def same_processor(tmp_path: Path) -> None:
    fresh = tmp_path / "fresh.csv"
    fresh.write_text(readme.with_processor(readme.FRESH))
    here, kept = (pd.read_csv(p)["processor"].unique().tolist() for p in (fresh, readme.KEPT))
    if here != kept:
        pytest.skip(f"the committed figures were made on {kept}, the demo here on {here}")


def test_the_readme_is_what_the_workflow_and_the_kept_figures_make(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readme, "FRESH", tmp_path / "none.csv")
    assert readme.write_readme(check=True) == [], (
        "run `python -m tools.docs readme` and commit the result"
    )


@needs_demo
@pytest.mark.usefixtures("same_processor")
def test_the_kept_figures_are_those_of_the_demo() -> None:
    assert readme.with_processor(readme.FRESH) == readme.KEPT.read_text()


def test_missing_markers_of_a_section_are_an_error() -> None:
    with pytest.raises(EagerError, match="no section 'demo': put <!-- table demo -->"):
        with_section("text", "demo", "content\n")


def test_the_page_on_deviations_is_what_the_recording_gives() -> None:
    assert page.write_page(check=True) == [], (
        "run `python -m tools.deviations` and commit the result"
    )


@needs_demo
@pytest.mark.usefixtures("same_processor")
def test_the_replayed_generations_are_the_demo() -> None:
    replayed = read(page.RECORDING, readme.ROOT).replay_all()
    columns = ["token_ids", "parent_index", "inherited_tokens", "tokens_upstream", "text", "round"]
    for method in METHODS:
        folder = result_folders(RESULTS)[method]
        table = read_table(folder / "sequences.parquet", "sequences").select(columns)
        rows = [row for prompt in replayed[method].sequences.values() for row in prompt]
        assert [{name: row[name] for name in columns} for row in rows] == table.to_pylist()
