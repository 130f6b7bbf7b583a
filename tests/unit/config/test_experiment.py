"""Resolved experiments: which results of Full Parallel are the first samples of which."""

from __future__ import annotations

from eager.config.experiment import resolve
from eager.config.schema import Cell, DatasetEntry, Experiment, ExperimentConfig, ModelEntry


def cell(cap: int, theta: float = 1.0, seed: int = 1, temperature: float = 0.6) -> Cell:
    return Cell(
        model="m",
        dataset="d",
        temperature=temperature,
        max_sequences=cap,
        entropy_threshold=theta,
        seed=seed,
    )


def test_results_that_differ_in_m_alone_share_the_samples_of_the_largest() -> None:
    cells = (cell(2), cell(8), cell(4, theta=2.0), cell(8, seed=2), cell(2, temperature=0.7))
    experiment = Experiment(
        ExperimentConfig(experiment="e", cells="c.tsv", methods=("parallel", "eager_init")),
        {"m": ModelEntry(path="model")},
        {"d": DatasetEntry(kind="math", path="d.jsonl")},
        cells,
    )
    targets = resolve(experiment).targets
    pools = [target.pool for target in targets if target.method == "parallel"]
    largest = targets[2].folder
    assert largest == "results/e/m/d/temperature=0.6+max_sequences=8+seed=1/parallel"
    assert pools == [largest, None, largest, None, None]
    assert {target.pool for target in targets if target.method == "eager_init"} == {None}
