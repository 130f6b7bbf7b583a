"""The rule `authors` on the real engine makes the trees that the authors' program recorded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eager.util.files import read_json
from tests.support.authors_runs import RecordedPrompt, read_run
from tests.support.repository import MODEL, ROOT, Repository

COMPARED = ("seq_idx", "gen_step", "man_token_original", "man_token_branch")
CLOSE = 0.01
"""Nats by which entropies may differ: other batches, other processors."""


def is_alike(ours: dict[str, Any], theirs: RecordedPrompt, step: int) -> bool:
    """Whether branches and entropies of a step are the recorded ones."""
    branches = [branch for branch in ours["branches"] if branch[1] == step]
    recorded = [[b[name] for name in COMPARED] for b in theirs.branches if b["gen_step"] == step]
    # Sequences that are not created yet have -1 here; the rest of theirs are words.
    told = [
        [entropies[step] for entropies in lists if len(entropies) > step and entropies[step] >= 0]
        for lists in (ours["entropies"], theirs.entropies)
    ]
    same_number = len(told[0]) == len(told[1])
    return branches == recorded and same_number and np.allclose(*told, rtol=0, atol=CLOSE)


@pytest.mark.long
def test_trees_are_the_recorded_ones(small_run: Repository, tmp_path: Path) -> None:
    """At T = 0.01, where sampling hardly matters, until a text is tokenised otherwise or two tokens
    are as good as equal: the authors' program tokenises the text again at each step."""
    run, output = read_run("decisions"), tmp_path / "trees.json"
    words = (str(small_run.folder / MODEL / "files"), run.name, str(output))
    done = replace(small_run, scripted=False, folder=ROOT).run(
        "tests.workflow.authors_engine", *words
    )
    assert done.returncode == 0, done.stderr
    branches, whole = 0, 0
    for ours, theirs in zip(read_json(output), run.initial, strict=True):
        alike = next((n for n in range(run.steps) if not is_alike(ours, theirs, n)), run.steps)
        branches += sum(branch["gen_step"] < alike for branch in theirs.branches)
        whole += alike == run.steps
    print(f"{branches} branches and {whole} whole trees are the recorded ones")
    assert branches >= 20
    assert whole >= 1
