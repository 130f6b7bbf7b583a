"""Full Parallel at several M with the real engine: each sample is drawn once, and is the same."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.support.repository import (
    HEADER,
    PROBLEMS,
    ROW,
    SHARED_CELL,
    Repository,
    copy_finished,
    rules_run,
    words_to_make_alone,
)

pytestmark = pytest.mark.long

RESULT = f"results/small/SmolLM2-135M-Instruct/small/{SHARED_CELL}/parallel".replace("55", "56")
SHOWN = {"tables": 1, "draw_figures": 1, "report_page": 1}


def ask_for(repository: Repository, *caps: int) -> None:
    """Cells with a seed of their own, so that the store has none of their samples."""
    rows = (ROW.replace("\t3\t", f"\t{cap}\t").replace("\t55\n", "\t56\n") for cap in caps)
    (repository.folder / "config/small.tsv").write_text(HEADER + "".join(rows))


def token_ids(folder: Path) -> list[list[int]]:
    return pq.read_table(folder / "sequences.parquet").column("token_ids").to_pylist()


def test_a_plan_that_grows_and_shrinks_draws_each_sample_once(
    real_run: Repository, tmp_path: Path
) -> None:
    repository = copy_finished(real_run, tmp_path / "repository")
    yaml = repository.folder / "config/small.yaml"
    yaml.write_text(yaml.read_text() + "methods: [parallel]\n")
    generated = []
    for caps, measured in (((4, 2), 2), ((2, 4, 9), 3)):
        ask_for(repository, *caps)
        jobs = {"parallel": 1, "gather": 1, "evaluate": 1, "measure": measured}
        assert rules_run(repository.small()) == jobs | SHOWN
        run = json.loads((repository.folder / RESULT / "run.json").read_text())
        generated.append(run["sequences_generated"])
        assert repository.planned() == {}
    assert generated == [4 * PROBLEMS, 5 * PROBLEMS]
    ours = token_ids(repository.folder / RESULT)
    done = repository.eager(
        *words_to_make_alone(repository, repository.folder / RESULT, tmp_path / "alone")
    )
    assert done.returncode == 0, done.stderr
    assert ours == token_ids(tmp_path / "alone")
    # A smaller M is there already; one between two that are there is only measured.
    ask_for(repository, 2)
    assert repository.planned() == SHOWN
    ask_for(repository, 7)
    assert rules_run(repository.small()) == {"measure": 1} | SHOWN
    metrics = repository.folder / RESULT / "metrics+max_sequences=7.json"
    assert json.loads(metrics.read_text())["sequences"] == 7 * PROBLEMS
