"""metrics.json: what it holds per sequence is what was measured, on one line a list."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

import pytest

from eager.evaluation.measure import INTERVALS, sequences_of
from eager.evaluation.statistics.metrics import measure
from eager.util.files import read_json
from tests.support.synthetic import SyntheticRun


@pytest.mark.parametrize(
    "right", [lambda p, i: (p + i) % 3 == 0, lambda p, i: False, lambda p, i: True]
)
def test_sequences_come_back_and_the_curve_ends_at_the_measured_values(
    right: object, tmp_path: Path
) -> None:
    targets = SyntheticRun(prompts=5, width=8, right=right).make(tmp_path)  # type: ignore[arg-type]
    for target in targets:
        metrics = read_json(target.file("metrics.json"))
        prompts = [sequences_of(metrics, prompt) for prompt in metrics["per_prompt"]]
        found = measure(prompts)
        for name in ("pass_at_k", "cons_at_max", "pass_rate", "tokens", "tokens_upstream"):
            assert metrics[name] == getattr(found, name)
        for name, value in INTERVALS.items():
            of_prompts = [float(row[value]) for row in metrics["per_prompt"].values()]
            assert metrics[name] == pytest.approx(fmean(of_prompts))
        assert ("parallel_curve" in metrics) == (target.method == "parallel")
    curve = read_json(targets[0].file("metrics.json"))
    last = curve["parallel_curve"][-1]
    assert [row["samples"] for row in curve["parallel_curve"]] == [*range(1, 9)]
    for name in ("pass_at_k", "cons_at_max", "pass_rate"):
        assert last[name] == pytest.approx(curve[name])
        assert last["intervals"][name] == pytest.approx(curve["intervals"][name])
    for name in ("tokens_per_prompt", "tokens_upstream_per_prompt"):
        assert last[name] == pytest.approx(curve[name])


def test_lists_of_numbers_stand_on_one_line(tmp_path: Path) -> None:
    parallel, *_ = SyntheticRun(prompts=1, width=3).make(tmp_path)
    text = parallel.file("metrics.json").read_text()
    assert '"correct": [1, 0, 0],\n' in text
    assert '"pass_at_k": null' in text  # no interval of a single prompt
