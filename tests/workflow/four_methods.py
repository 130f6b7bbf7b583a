"""Generates and evaluates two prompts of the small run by all methods, with one real engine.

Usage, in a copy of the small run: python four_methods.py
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from eager.cli import app
from eager.config.experiment import read_experiment
from eager.config.settings import BUDGET_METHODS
from eager.generation import shard_job
from eager.generation.engine import VllmEngine

EXPERIMENT = Path("results/small/experiment.json")
PROMPTS = 2
loaded: list[VllmEngine] = []


def one_engine(*arguments: Any) -> VllmEngine:
    """The methods differ in nothing that the engine is loaded with."""
    if not loaded:
        loaded.append(VllmEngine(*arguments))
    return loaded[0]


def main() -> None:
    shutil.rmtree("results/store")
    shard_job.VllmEngine = one_engine  # type: ignore[assignment, misc]
    targets = read_experiment(EXPERIMENT).targets
    prompts = pq.read_table(targets[0].prompts)
    pq.write_table(prompts.slice(0, PROMPTS), targets[0].prompts)
    for target in targets:
        steps = ["allocate"] if target.method in BUDGET_METHODS else []
        for step in [*steps, "generate", "evaluate"]:
            words = [step, "--experiment", str(EXPERIMENT), "--result", target.folder]
            app(words, standalone_mode=False)


if __name__ == "__main__":
    main()
