"""Every mistake in the configuration is told with its place and what to write instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from eager.config.load import load_experiment
from eager.config.schema import Experiment
from eager.util.errors import EagerError

MODELS = {"tiny": {"path": "models/tiny"}}
DATASETS = {"sums": {"kind": "math", "path": "sums.jsonl"}}
HEADER = ["model", "dataset", "temperature", "max_sequences", "entropy_threshold", "seed"]
ROW = ["tiny", "sums", "0.6", "4", "2.0", "55"]


def load(
    folder: Path,
    *,
    experiment: dict[str, Any] | None = None,
    models: dict[str, Any] | None = None,
    datasets: dict[str, Any] | None = None,
    rows: list[list[str]] | None = None,
    header: list[str] | None = None,
) -> Experiment:
    (folder / "models.yaml").write_text(yaml.safe_dump(models or MODELS))
    (folder / "datasets.yaml").write_text(yaml.safe_dump(datasets or DATASETS))
    lines = ["\t".join(row) for row in [header or HEADER, *(rows or [ROW])]]
    (folder / "cells.tsv").write_text("\n".join(lines) + "\n")
    config = {
        "experiment": "mine",
        "cells": str(folder / "cells.tsv"),
        "models": str(folder / "models.yaml"),
        "datasets": str(folder / "datasets.yaml"),
    }
    return load_experiment(config | (experiment or {}), "config/mine.yaml")


def row(**changes: str) -> list[str]:
    return [changes.get(name, value) for name, value in zip(HEADER, ROW, strict=True)]


REVISION = "8d88b2876a82a080e2f172cc9b25d0d9d2cb4792"

CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "unknown key": (
        {"experiment": {"enigne": {}}},
        ["config/mine.yaml", "unknown key 'enigne'", "did you mean 'engine'?"],
    ),
    "unknown nested key": (
        {"experiment": {"branching": {"topk_entropy": 20}}},
        ["unknown key 'branching.topk_entropy'", "did you mean 'top_k_entropy'?"],
    ),
    "missing key": ({"models": {"tiny": {}}}, ["models.yaml: tiny", "exactly one of repo"]),
    "two sources": (
        {"models": {"tiny": {"path": "a", "gguf_package": "b"}}},
        ["models.yaml: tiny", "exactly one of repo, path, gguf_package"],
    ),
    "K above 20": (
        {"experiment": {"branching": {"top_k_entropy": 21}}},
        ["branching.top_k_entropy", "less than or equal to 20", "got 21"],
    ),
    "temperature zero": (
        {"rows": [row(temperature="0")]},
        ["cells.tsv, row 1, temperature", "greater than 0", "got '0'"],
    ),
    "no sequences": (
        {"rows": [ROW, row(max_sequences="0")]},
        ["cells.tsv, row 2, max_sequences", "greater than or equal to 1"],
    ),
    "sequences not a number": (
        {"rows": [row(max_sequences="many")]},
        ["cells.tsv, row 1, max_sequences", "integer", "got 'many'"],
    ),
    "threshold above ln K": (
        {"rows": [row(entropy_threshold="3.2")]},
        ["cells.tsv, row 1, entropy_threshold", "outside [0, ln K]", "write 0 to 3.00"],
    ),
    "threshold above ln K for a smaller K": (
        {"experiment": {"branching": {"top_k_entropy": 5}}},
        ["row 1, entropy_threshold", "over 5 tokens is at most 1.609"],
    ),
    "negative threshold": (
        {"rows": [row(entropy_threshold="-1")]},
        ["cells.tsv, row 1, entropy_threshold", "greater than or equal to 0"],
    ),
    "unknown model": (
        {"rows": [row(model="tinny")]},
        ["cells.tsv, row 1, model", "'tinny' is not in", "did you mean 'tiny'?"],
    ),
    "unknown data set": (
        {"rows": [row(dataset="proofs")]},
        ["cells.tsv, row 1, dataset", "'proofs' is not in", "known are sums"],
    ),
    "duplicate row": (
        {"rows": [ROW, row(seed="56"), row(temperature="0.60")]},
        ["cells.tsv, row 3", "the same as row 1"],
    ),
    "wrong columns": (
        {"header": ["model", "data", *HEADER[2:]]},
        ["cells.tsv", "the columns are", "write ['model', 'dataset'"],
    ),
    "repo without revision": (
        {"datasets": {"sums": {"kind": "math", "repo": "a/b"}}},
        ["datasets.yaml: sums", "needs its revision"],
    ),
    "short revision": (
        {"models": {"tiny": {"repo": "a/b", "revision": REVISION[:8]}}},
        ["models.yaml: tiny, revision", "pattern"],
    ),
    "template without a place": (
        {"datasets": {"sums": {"kind": "math", "path": "x", "prompt_template": "Hi"}}},
        ["datasets.yaml: sums", "no {prompt}"],
    ),
    "unknown kind": (
        {"datasets": {"sums": {"kind": "maths", "path": "x"}}},
        ["datasets.yaml: sums, kind", "'math', 'choice' or 'code'"],
    ),
    "unknown sandbox": (
        {"experiment": {"sandbox": "chroot"}},
        ["config/mine.yaml, sandbox.engine", "'bubblewrap'", "got 'chroot'"],
    ),
    "no way around the sandbox": (
        {"experiment": {"sandbox": "none"}},
        ["config/mine.yaml, sandbox.engine", "got 'none'"],
    ),
    "reserved name": (
        {"experiment": {"experiment": "models"}},
        ["config/mine.yaml", "may not be called 'models'"],
    ),
    "name with a slash": (
        {"experiment": {"experiment": "a/b"}},
        ["config/mine.yaml, experiment", "pattern"],
    ),
    "missing TSV": (
        {"experiment": {"cells": "nowhere.tsv"}},
        ["nowhere.tsv: no such file"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_mistake_is_told(name: str, tmp_path: Path) -> None:
    changes, expected = CASES[name]
    with pytest.raises(EagerError) as caught:
        load(tmp_path, **changes)
    for part in expected:
        assert part in str(caught.value)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(EagerError) as caught:
        load(tmp_path, rows=[row(temperature="0"), row(seed="-1")], models={"tiny": {"pth": "x"}})
    message = str(caught.value)
    assert "row 1, temperature" in message
    assert "row 2, seed" in message
    assert "unknown key 'pth'; did you mean 'path'?" in message


def test_a_name_alone_is_the_sandboxs_engine(tmp_path: Path) -> None:
    assert load(tmp_path, experiment={"sandbox": "docker"}).config.sandbox.engine == "docker"
    assert load(tmp_path).config.sandbox.engine == "auto"


def test_a_right_configuration_loads(tmp_path: Path) -> None:
    experiment = load(tmp_path, rows=[ROW, row(entropy_threshold="1.5"), row(seed="56")])
    first, second, third = experiment.cells
    # Parallel does not know the threshold, so cells that differ there share its settings.
    assert experiment.decoding(first, "parallel") == experiment.decoding(second, "parallel")
    assert experiment.decoding(first, "parallel") != experiment.decoding(third, "parallel")
    assert experiment.decoding(first, "eager") != experiment.decoding(second, "eager")
