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
    Repository,
    copy_finished,
    rules_run,
    words_to_make_alone,
)

pytestmark = pytest.mark.long

ONE_RESULT = {"parallel": 1, "gather": 1, "evaluate": 1, "measure": 1}
SHOWN = {"tables": 1, "draw_figures": 1, "report_page": 1}


def ask_for(repository: Repository, *caps: int) -> None:
    """Cells with a seed of their own, so that the store has none of their samples."""
    rows = (ROW.replace("\t3\t", f"\t{cap}\t").replace("\t55\n", "\t56\n") for cap in caps)
    (repository.folder / "config/small.tsv").write_text(HEADER + "".join(rows))


def result(repository: Repository, cap: int) -> Path:
    cell = f"temperature=0.6+max_sequences={cap}+seed=56/parallel"
    return repository.folder / "results/small/SmolLM2-135M-Instruct/small" / cell


def generated(repository: Repository, cap: int) -> int:
    return int(
        json.loads((result(repository, cap) / "run.json").read_text())["sequences_generated"]
    )


def token_ids(folder: Path) -> list[list[int]]:
    return pq.read_table(folder / "sequences.parquet").column("token_ids").to_pylist()


def alone(repository: Repository, cap: int, output: Path) -> list[list[int]]:
    """A result made with nothing in the store."""
    words = words_to_make_alone(repository, result(repository, cap), output)
    done = repository.eager(*words)
    assert done.returncode == 0, done.stderr
    return token_ids(output)


@pytest.fixture(scope="module")
def pool(small_run: Repository, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """M = 2, 4 and 6 in one experiment, then 8 beside them."""
    repository = copy_finished(small_run, tmp_path_factory.mktemp("pool") / "repository")
    yaml = repository.folder / "config/small.yaml"
    yaml.write_text(yaml.read_text() + "methods: [parallel]\n")
    ask_for(repository, 2, 4, 6)
    repository.small()
    assert [generated(repository, cap) for cap in (2, 4, 6)] == [0, 0, 6 * PROBLEMS]
    ask_for(repository, 2, 4, 6, 8)
    done = repository.small()
    assert rules_run(done) == ONE_RESULT | SHOWN
    assert [generated(repository, cap) for cap in (2, 4, 6, 8)] == [
        0,
        0,
        6 * PROBLEMS,
        2 * PROBLEMS,
    ]
    assert repository.planned() == {}
    return repository


@pytest.mark.parametrize(
    "cap", [2, pytest.param(4, marks=pytest.mark.slow), pytest.param(6, marks=pytest.mark.slow), 8]
)
def test_a_result_of_the_pool_equals_that_made_alone(
    pool: Repository, cap: int, tmp_path: Path
) -> None:
    ours = token_ids(result(pool, cap))
    assert len(ours) == cap * PROBLEMS
    assert ours == alone(pool, cap, tmp_path / "alone")
