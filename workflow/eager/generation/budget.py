"""allocation.json: who gets the saved budget, written for people and read by the next stage."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError

from eager.algorithm.allocation import (
    BudgetMethod,
    InitialResult,
    Share,
    allocate,
    round_threshold,
    saved_budget,
)
from eager.algorithm.rules import RULES, RuleName
from eager.config.experiment import PlannedTarget
from eager.config.settings import DEFAULT_RULE
from eager.util.errors import EagerError
from eager.util.files import write_json
from eager.util.tables import read_table
from eager.util.validation import faults_of

SchemaVersion = Literal[1]
(SCHEMA_VERSION,) = get_args(SchemaVersion)
SHOWN_ROUNDS = 6
"""Rounds whose thresholds are written out; later ones follow the same rule."""


class _Allocation(BaseModel):
    """What the next stage reads of the file; the rest is for readers."""

    schema_version: SchemaVersion
    prompts: list[Share]


def allocate_for(target: PlannedTarget) -> None:
    """Write the allocation of a budgeted method, from EAGer-init's result.

    Raises:
        EagerError: the target's method has no budget to share.
    """
    if target.initial is None or target.allocation is None:
        raise EagerError(f"{target.folder}: {target.method} shares no budget")
    initial = Path(target.initial)
    method: BudgetMethod = TypeAdapter(BudgetMethod).validate_python(target.method)
    write_allocation(
        method,
        initial / "sequences.parquet",
        initial / "verdicts.parquet" if method == "eager" else None,
        target.cell["max_sequences"],
        target.cell["entropy_threshold"],
        Path(target.allocation),
        target.settings.rule,
    )


def write_allocation(
    method: BudgetMethod,
    sequences_path: Path,
    verdicts_path: Path | None,
    max_sequences: int,
    entropy_threshold: float,
    output: Path,
    rule: RuleName = DEFAULT_RULE,
) -> None:
    """Share the budget that EAGer-init left.

    Args:
        method: eager_adapt (no labels) or eager (needs the verdicts of EAGer-init).
        sequences_path: EAGer-init's sequences.
        verdicts_path: EAGer-init's verdicts, for `eager`.
        max_sequences: M.
        entropy_threshold: theta, in nats.
        output: allocation.json.
        rule: whose points decide; one that is not the default is written down.
    """
    ids = read_table(sequences_path, "sequences").column("prompt_id").to_pylist()
    solved = _solved(verdicts_path) if method == "eager" else None
    initial = [
        InitialResult(prompt_id, count, None if solved is None else prompt_id in solved)
        for prompt_id, count in Counter(ids).items()
    ]
    shares = allocate(method, initial, max_sequences, RULES[rule])
    write_json(
        output,
        {
            "schema_version": SCHEMA_VERSION,
            "method": method,
            "max_sequences": max_sequences,
            "entropy_threshold": entropy_threshold,
            **({} if rule == DEFAULT_RULE else {"rule": rule}),
            "saved_budget": saved_budget(initial, max_sequences),
            "given": sum(share.share for share in shares),
            "prompts": [_describe(share, entropy_threshold) for share in shares],
        },
    )


def read_shares(path: Path) -> dict[str, Share]:
    """The share of every prompt.

    Raises:
        EagerError: it is missing, damaged, or of another schema version.
    """
    try:
        found = _Allocation.model_validate_json(path.read_bytes(), strict=True)
    except FileNotFoundError:
        raise EagerError(f"{path}: no such file; run the workflow to make it") from None
    except ValidationError as error:
        raise EagerError(
            f"{path}: {faults_of(_Allocation, error)[0]}; delete it and rerun"
        ) from None
    return {share.prompt_id: share for share in found.prompts}


def _describe(share: Share, entropy_threshold: float) -> dict[str, Any]:
    rounds = range(1, min(share.share, SHOWN_ROUNDS) + 1)
    return asdict(share) | {
        "round_thresholds": [
            round(round_threshold(entropy_threshold, share.saturated, number), 6)
            for number in rounds
        ]
    }


def _solved(verdicts_path: Path | None) -> set[str]:
    if verdicts_path is None:
        raise EagerError(
            "full EAGer needs the verdicts of eager_init; run `evaluate` on EAGer-init's result "
            "first"
        )
    verdicts = read_table(verdicts_path, "verdicts").to_pylist()
    return {verdict["prompt_id"] for verdict in verdicts if verdict["correct"]}
