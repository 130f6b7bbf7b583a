"""metrics.json: the metrics of one result, with the seconds of the engine that made it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from eager.config.targets import Target
from eager.evaluation.diversity import Diversity, distinct_answers, diversity
from eager.evaluation.metrics import (
    SequenceResult,
    majority_is_correct,
    measure,
)
from eager.evaluation.parallel_curve import mean_curve
from eager.evaluation.statistics import mean_interval
from eager.util.errors import EagerError
from eager.util.files import read_json, write_text
from eager.util.tables import read_table

INTERVALS = {
    "pass_at_k": "solved",
    "cons_at_max": "majority_correct",
    "pass_rate": "share_correct",
    "pass_at_k_upstream": "solved_upstream",
    "tokens_per_prompt": "tokens",
    "tokens_upstream_per_prompt": "tokens_upstream",
}
"""Figures with an interval, and the value a prompt that they are the mean of."""
LIST = re.compile(r"(?<=\[)\n([^\[\]{}\"]+)\n\s+(?=\])")
COLUMNS = [
    "prompt_id",
    "sequence_index",
    "token_ids",
    "inherited_tokens",
    "tokens_upstream",
]


def measure_target(target: Target) -> None:
    """Write metrics.json beside the sequences and verdicts of a result."""
    folder = Path(target.folder)
    write_metrics(
        target.method,
        folder / "sequences.parquet",
        folder / "verdicts.parquet",
        [Path(run) for run in target.runs],
        folder / "metrics.json",
        cell=described_cell(target.cell, target.method),
    )


def described_cell(cell: Mapping[str, Any], method: str) -> dict[str, Any]:
    """What metrics.json says of its cell: `parallel` is shared by cells of several thresholds."""
    unknown = {"entropy_threshold": None} if method == "parallel" else {}
    return {**cell, **unknown}


def write_metrics(
    method: str,
    sequences_path: Path,
    verdicts_path: Path,
    run_paths: list[Path],
    output: Path,
    *,
    cell: Mapping[str, Any] | None = None,
) -> None:
    """Measure one result.

    Args:
        method: its method.
        sequences_path: its sequences.
        verdicts_path: their verdicts.
        run_paths: run.json of every generation that went into it (the budgeted methods build on
            EAGer-init); their engine seconds add up.
        output: metrics.json.
        cell: experiment, model, data set and the swept parameters, if they are known.
    """
    prompts = _results(sequences_path, verdicts_path)
    content = metrics_of(method, prompts, [read_json(path)["counts"] for path in run_paths])
    of = {} if cell is None else {"cell": dict(cell)}
    write_text(output, _as_text({"schema_version": 1, **of, **content}))


def metrics_of(
    method: str, prompts: Mapping[str, list[SequenceResult]], counts: list[dict[str, float]]
) -> dict[str, Any]:
    """The content of metrics.json but for the cell.

    Args:
        method: the result's method.
        prompts: sequences by prompt, in order.
        counts: those of run.json of every generation that went into it.
    """
    content = _figures(list(prompts.values()))
    content |= engine_costs(counts)
    if method == "parallel" and prompts:
        content["parallel_curve"] = mean_curve(list(prompts.values()))
    per_prompt = {name: _describe(sequences) for name, sequences in prompts.items()}
    content["intervals"] = {
        name: mean_interval(
            np.array([float(row[value]) for row in per_prompt.values()]).reshape(-1, 1)
        )
        for name, value in INTERVALS.items()
    }
    content["per_prompt"] = per_prompt
    return {"method": method, **content}


def _figures(prompts: list[list[SequenceResult]]) -> dict[str, Any]:
    """The figures of a result; where it has no prompt, counts are 0 and figures null."""
    if not prompts:
        shares = dict.fromkeys(("pass_at_k", "pass_at_k_upstream", "cons_at_max", "pass_rate"))
        shares |= dict.fromkeys(f"distinct_answers_{name}" for name in Diversity._fields)
        counts = dict.fromkeys(("prompts", "sequences", "tokens", "tokens_upstream"), 0)
        means = dict.fromkeys(("tokens_per_prompt", "tokens_upstream_per_prompt"))
        return {**shares, **counts, **means}
    content: dict[str, Any] = asdict(measure(prompts))
    found = diversity(prompts)
    content["distinct_answers_per_sequence"] = found.per_sequence
    content["distinct_answers_per_1000_tokens"] = found.per_1000_tokens
    for name in ("tokens", "tokens_upstream"):
        content[f"{name}_per_prompt"] = content[name] / content["prompts"]
    return content


def engine_costs(counts: list[dict[str, float]]) -> dict[str, float]:
    """What the generations of a result cost the engine; those of an imported result count none.

    Returns:
        `seconds` (engine and driver), `engine_seconds`, and `computed_tokens`: tokens that went
        through the model, prompts and resubmitted prefixes included, but for those that the
        prefix cache had.
    """

    def total(name: str) -> float:
        return sum(count.get(name, 0) for count in counts)

    computed = total("tokens") + total("prompt_tokens") - total("cached_prompt_tokens")
    return {
        "seconds": total("engine_seconds") + total("driver_seconds"),
        "engine_seconds": total("engine_seconds"),
        "computed_tokens": computed,
    }


def _describe(sequences: list[SequenceResult]) -> dict[str, Any]:
    correct = sum(s.correct for s in sequences)
    return {
        "sequences": len(sequences),
        "correct": correct,
        "share_correct": correct / len(sequences),
        "solved": correct > 0,
        "solved_upstream": any(s.correct_upstream for s in sequences),
        "majority_correct": majority_is_correct(sequences),
        "tokens": sum(s.tokens for s in sequences),
        "tokens_upstream": sum(s.tokens_upstream for s in sequences),
        "distinct_answers": distinct_answers(sequences),
        "each": {
            name: [int(v) if isinstance(v, bool) else v for v in values]
            for name, values in zip(
                SequenceResult._fields, zip(*sequences, strict=True), strict=True
            )
        },
    }


def _results(sequences_path: Path, verdicts_path: Path) -> dict[str, list[SequenceResult]]:
    sequences = read_table(sequences_path, "sequences").select(COLUMNS).to_pylist()
    verdicts = read_table(verdicts_path, "verdicts").to_pylist()
    identity = [(row["prompt_id"], row["sequence_index"]) for row in sequences]
    if identity != [(row["prompt_id"], row["sequence_index"]) for row in verdicts]:
        raise EagerError(
            f"{verdicts_path} does not belong to {sequences_path}: delete it and evaluate again"
        )
    results: dict[str, list[SequenceResult]] = {}
    rows = zip(sequences, verdicts, strict=True)
    for prompt_id, pairs in groupby(rows, key=lambda pair: pair[0]["prompt_id"]):
        results[prompt_id] = [
            SequenceResult(
                verdict["candidate"],
                verdict["correct"],
                verdict["correct_upstream"],
                len(sequence["token_ids"]) - sequence["inherited_tokens"],
                sequence["tokens_upstream"],
            )
            for sequence, verdict in pairs
        ]
    return results


def sequences_of(metrics: Mapping[str, Any], prompt: str) -> list[SequenceResult]:
    """The sequences of a prompt as a metrics.json holds them."""
    each = metrics["per_prompt"][prompt]["each"]
    return [
        SequenceResult(candidate, bool(correct), bool(upstream), tokens, tokens_upstream)
        for candidate, correct, upstream, tokens, tokens_upstream in zip(
            *(each[name] for name in SequenceResult._fields), strict=True
        )
    ]


def _as_text(content: Any) -> str:
    """JSON that people can read: a list of numbers stands on one line."""
    text = json.dumps(content, indent=2, ensure_ascii=False)
    return LIST.sub(lambda found: ", ".join(map(str.strip, found[1].split(","))), text) + "\n"
