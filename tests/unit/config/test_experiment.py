"""Resolved experiments: where the samples of Full Parallel lie, and how many."""

from __future__ import annotations

from pathlib import Path

import pytest

from eager.config.experiment import PlannedTarget, current_run, resolve
from eager.config.schema import Cell, DatasetEntry, Experiment, ExperimentConfig, ModelEntry
from eager.util.files import write_json
from eager.util.fingerprint import code_identity


def cell(cap: int, theta: float = 1.0, seed: int = 1, temperature: float = 0.6) -> Cell:
    return Cell(
        model="m",
        dataset="d",
        temperature=temperature,
        max_sequences=cap,
        entropy_threshold=theta,
        seed=seed,
    )


def plan(*cells: Cell) -> dict[str, list[PlannedTarget]]:
    """The targets of each method."""
    experiment = Experiment(
        ExperimentConfig(experiment="e", cells="c.tsv", methods=("parallel", "eager_init")),
        {"m": ModelEntry(path="model")},
        {"d": DatasetEntry(kind="math", path="d.jsonl")},
        cells,
    )
    by_method: dict[str, list[PlannedTarget]] = {}
    for target in resolve(experiment).targets:
        by_method.setdefault(target.method, []).append(target)
    return by_method


def test_cells_that_differ_in_how_they_branch_or_in_m_share_their_samples() -> None:
    targets = plan(cell(2), cell(8), cell(4, theta=2.0), cell(8, seed=2))
    *one, other = targets["parallel"]
    assert {target.folder for target in one} == {"results/e/m/d/temperature=0.6+seed=1/parallel"}
    assert other.folder == "results/e/m/d/temperature=0.6+seed=2/parallel"
    assert {target.settings.max_sequences for target in one} == {8}
    assert [target.samples for target in one] == [2, 8, 4]
    assert one[0].metrics == f"{one[0].folder}/metrics+max_sequences=2.json"
    assert [target.settings.max_sequences for target in targets["eager_init"]] == [2, 8, 4, 8]
    assert {target.samples for target in targets["eager_init"]} == {None}


@pytest.mark.parametrize(
    ("change", "held"), [({}, 8), ({"parameters": {}}, 4), ({"code_fingerprint": "0"}, 4)]
)
def test_samples_that_are_there_are_kept_unless_they_would_be_others_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, object], held: int
) -> None:
    monkeypatch.chdir(tmp_path)
    (more, *_), code = plan(cell(8))["parallel"], code_identity("tokens", "parallel")
    run = {"parameters": more.settings.model_dump(mode="json"), "code_fingerprint": code}
    write_json(more.file("run.json"), run | change)
    for caps, expected in (((2, 4), held), ((2, 9), 9)):
        targets = plan(*map(cell, caps))["parallel"]
        assert {target.settings.max_sequences for target in targets} == {expected}
        assert (current_run(targets[0]) is None) == (expected != 8)
