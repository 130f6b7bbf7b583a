"""Damaged configurations and tables are refused with a message, or mean something possible."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from eager.config.load import load_experiment, read_yaml
from eager.config.paths import cell_folder
from eager.config.schema import Experiment
from eager.report.tables.published import read_published
from eager.util.errors import EagerError
from tests.support.fuzzing import attempt, damaged_bytes, damaged_json, fuzz
from tests.support.repository import ROOT

HEADER = ["model", "dataset", "temperature", "max_sequences", "entropy_threshold", "seed"]
ROWS = [["tiny", "sums", "0.6", "4", "2.0", "55"], ["tiny", "sums", "0.8", "8", "1.5", "56"]]
FILES: dict[str, Any] = {
    "models": {"tiny": {"path": "models/tiny", "context_length": 512, "shards": 2, "top_p": 0.9}},
    "datasets": {
        "sums": {"kind": "math", "path": "sums.jsonl", "stop": ["x"], "prompt_template": "{prompt}"}
    },
    "experiment": {
        "experiment": "mine",
        "methods": ["parallel", "eager"],
        "branching": {"top_k_entropy": 20, "threshold_percentile": 99},
        "engine": {"max_num_seqs": 8, "gpu_memory_utilization": 0.5},
        "sandbox": {"engine": "auto", "workers": 2},
    },
}
PUBLISHED = (ROOT / "config/published.csv").read_bytes()


def table(rows: list[list[str]]) -> bytes:
    return "".join("\t".join(row) + "\n" for row in [HEADER, *rows]).encode("utf-8", "replace")


def write(folder: Path, changes: dict[str, Any], cells: bytes | None = None) -> Path:
    """The experiment's files, some of them others."""
    (folder / "cells.tsv").write_bytes(table(ROWS) if cells is None else cells)
    names = {"cells": "cells.tsv", "models": "models.yaml", "datasets": "datasets.yaml"}
    paths = {key: str(folder / name) for key, name in names.items()}
    for key, content in (FILES | changes).items():
        if key == "experiment" and isinstance(content, dict):
            content = content | paths  # noqa: PLW2901
        data = content if isinstance(content, bytes) else yaml.safe_dump(content).encode()
        (folder / f"{key}.yaml").write_bytes(data)
    return folder / "experiment.yaml"


def load(path: Path) -> Experiment:
    return load_experiment(read_yaml(path), str(path), [path])


def check(experiment: Experiment) -> None:
    """What is accepted can be run: names name files, numbers are possible."""
    assert experiment.cells
    for cell in experiment.cells:
        assert 0 < cell.temperature < math.inf
        assert cell.max_sequences >= 1
        assert 0 <= cell.entropy_threshold <= math.log(experiment.config.branching.top_k_entropy)
        assert "/" not in cell_folder(cell) + cell.model + cell.dataset
        for method in experiment.config.methods:
            experiment.decoding(cell, method).model_dump_json()
    assert len(set(experiment.config.methods)) == len(experiment.config.methods)
    experiment.config.model_dump_json()


def safe(value: Any) -> bool:
    """Whether YAML can write a value at all (half characters it cannot)."""
    try:
        yaml.safe_dump(value).encode()
    except (yaml.YAMLError, UnicodeEncodeError, ValueError):
        return False
    return True


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("configuration")


@pytest.mark.parametrize("file", FILES)
@fuzz(share=0.6)
@given(data=st.data())
def test_values_in_yaml(file: str, folder: Path, data: st.DataObject) -> None:
    content = data.draw(damaged_json(FILES[file]).filter(safe))
    if experiment := attempt(f"{file}.yaml, values", lambda: load(write(folder, {file: content}))):
        check(experiment)


@pytest.mark.parametrize("file", FILES)
@fuzz(share=0.6)
@given(data=st.data())
def test_bytes_of_yaml(file: str, folder: Path, data: st.DataObject) -> None:
    whole = yaml.safe_dump(yaml.safe_load((write(folder, {}).parent / f"{file}.yaml").read_text()))
    content = data.draw(damaged_bytes(whole.encode()))
    if experiment := attempt(f"{file}.yaml, bytes", lambda: load(write(folder, {file: content}))):
        check(experiment)


@fuzz()
@given(content=damaged_bytes(table(ROWS)))
def test_bytes_of_the_tsv(folder: Path, content: bytes) -> None:
    if experiment := attempt("TSV, bytes", lambda: load(write(folder, {}, content))):
        check(experiment)


BAD_VALUES = [
    "",
    "nan",
    "inf",
    "-1",
    "1e999",
    "x",
    "0x10",
    "True",
    "\0",
    "½",
    '"',
    "1 000",
    "--",
    "é",
]


@fuzz()
@given(row=st.integers(0, 1), column=st.integers(2, 5), value=st.sampled_from(BAD_VALUES))
def test_no_bad_value_of_the_tsv_is_accepted(
    folder: Path, row: int, column: int, value: str
) -> None:
    rows = [list(values) for values in ROWS]
    rows[row][column] = value
    path = write(folder, {}, table(rows))
    assert attempt("TSV, bad values", lambda: load(path)) is None


@fuzz()
@given(content=damaged_bytes(PUBLISHED))
def test_bytes_of_published_figures(folder: Path, content: bytes) -> None:
    path = folder / "published.csv"
    path.write_bytes(content)
    for fact in attempt("published figures, bytes", lambda: read_published(path)) or []:
        assert fact.pass_at_k is None or 0 <= fact.pass_at_k <= 1
        assert fact.tokens_per_prompt is None or 0 < fact.tokens_per_prompt < math.inf


def test_the_undamaged_files_are_accepted(folder: Path) -> None:
    check(load(write(folder, {})))
    with pytest.raises(EagerError):
        load(write(folder, {"models": {}}))
