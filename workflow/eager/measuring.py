"""metrics.json: the metrics of one result, with the seconds of the engine that made it."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from statistics import fmean
from typing import Any

from eager.errors import EagerError
from eager.files import read_json, write_json
from eager.metrics import SequenceResult, measure, unbiased_pass_at_k
from eager.tables import read_table

COLUMNS = [
    "prompt_id",
    "sequence_index",
    "token_ids",
    "inherited_tokens",
    "tokens_upstream",
]


def write_metrics(
    method: str,
    sequences_path: Path,
    verdicts_path: Path,
    run_paths: list[Path],
    output: Path,
) -> None:
    """Measure one result.

    Args:
        method: its method.
        sequences_path: its sequences.
        verdicts_path: their verdicts.
        run_paths: run.json of every generation that went into it (the budgeted methods build on
            EAGer-init); their engine seconds add up.
        output: metrics.json.
    """
    prompts = _results(sequences_path, verdicts_path)
    content: dict[str, Any] = asdict(measure(list(prompts.values())))
    counts = [read_json(path)["counts"] for path in run_paths]
    content["seconds"] = sum(
        count.get("engine_seconds", 0) + count.get("driver_seconds", 0) for count in counts
    )
    if method == "parallel":
        content["unbiased_pass_at_k"] = _unbiased(list(prompts.values()))
    content["per_prompt"] = {
        prompt_id: {
            "sequences": len(sequences),
            "correct": sum(s.correct for s in sequences),
            "tokens": sum(s.tokens for s in sequences),
        }
        for prompt_id, sequences in prompts.items()
    }
    write_json(output, {"schema_version": 1, "method": method, **content})


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


def _unbiased(prompts: list[list[SequenceResult]]) -> dict[str, float]:
    """Pass@k of independent samples at k = 1, 2, 4, ... up to all of them."""
    samples = min(len(prompt) for prompt in prompts)
    ks = sorted({2**power for power in range(samples.bit_length())} | {samples})
    return {
        str(k): fmean(
            unbiased_pass_at_k(len(prompt), sum(s.correct for s in prompt), k) for prompt in prompts
        )
        for k in ks
        if k <= samples
    }
