"""Our results as the authors' JSON files, in their folders."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable
from itertools import groupby, takewhile
from pathlib import Path
from typing import Any

from eager.config.settings import Method, StrictModel
from eager.config.targets import Target
from eager.data.tasks import read_tasks
from eager.exchange.authors_format import (
    END_OF_SEQUENCE,
    INHERITED,
    NOT_RECORDED,
    NOTES_MARK,
    file_path,
)
from eager.util.files import read_json, write_json
from eager.util.tables import read_table

KEPT_COLUMNS = ("parent_index", "round", "threshold", "tokens_upstream", "finish_reason")
"""Columns that the authors' format has no place for and an import needs back."""
SHOWN_CHARACTERS = 50


class ExportRow(StrictModel):
    """One result to export: its cell, its method, and where it and its inputs are.

    Attributes:
        cell: the cell's parameters.
        method: the method.
        result: folder of the result.
        initial: folder of EAGer-init's result, for the methods that build on it.
        prompts: prompts.parquet.
        tasks: tasks.jsonl.
    """

    cell: dict[str, Any]
    method: Method
    result: Path
    initial: Path | None
    prompts: Path
    tasks: Path


def export_rows(targets: Iterable[Target]) -> list[ExportRow]:
    """The results of an experiment to export."""
    return [
        ExportRow(
            cell=target.cell,
            method=target.method,
            result=Path(target.folder),
            initial=Path(target.initial) if target.initial else None,
            prompts=Path(target.prompts),
            tasks=Path(target.tasks),
        )
        for target in targets
    ]


def export_results(rows: list[ExportRow], output: Path) -> None:
    """Write each result to `{output}/{model}/{dataset}/{run}/`."""
    for row in rows:
        cell = row.cell
        run = "{experiment}_T{temperature:g}_M{max_sequences}_seed{seed}".format(**cell)
        path = file_path(
            cell["model"], cell["dataset"], run, row.method, float(cell["entropy_threshold"])
        )
        write_json(output / path, _content(row, run))


def _content(row: ExportRow, run: str) -> dict[str, Any]:
    """The file's content."""
    folders = [folder for folder in (row.initial, row.result) if folder is not None]
    metrics = read_json(row.result / "metrics.json")
    counts = _sum([read_json(folder / "run.json")["counts"] for folder in folders])
    generations, kept = _generations(row, _branches(folders))
    total = sum(generation["generated_sequences"] for generation in generations)
    notes = {NOTES_MARK: {"method": row.method, "counts": counts, "prompts": kept}}
    kind = "default" if row.method == "parallel" else "entropy-aware"
    return {
        "experiment_name": run,
        "params": {
            "model_name": row.cell["model"],
            "temperature": float(row.cell["temperature"]),
            "entropy_threshold": float(row.cell["entropy_threshold"]),
            "max_sequences": int(row.cell["max_sequences"]),
            "seed": int(row.cell["seed"]),
        },
        "data": {
            "data_name": row.cell["dataset"],
            "num_prompts": len(generations),
            "targets": [generation["target"] for generation in generations],
        },
        "status": {
            "state": "completed",
            "completed_sequences": total,
            "total_sequences": total,
            "progress": "100%",
        },
        "extra": {
            "notes": json.dumps(notes),
            "generation_time_so_far (s)": float(metrics["seconds"]),
        },
        "results": {
            "avg_acc": metrics["pass_rate"],
            "pass_at_1": metrics["pass_at_k"],
            "cons_at_max": metrics["cons_at_max"],
        },
        f"{kind}-generations": generations,
    }


def _generations(
    row: ExportRow, branches: dict[str, list[dict[str, Any]]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The prompts in the authors' form, and what that form cannot hold of each."""
    prompts = read_table(row.prompts, "prompts").to_pylist()
    texts = {prompt["prompt_id"]: prompt["text"] for prompt in prompts}
    targets = {task.id: task.target for task in read_tasks(row.tasks)}
    verdicts = read_table(row.result / "verdicts.parquet", "verdicts").to_pylist()
    answers = {(v["prompt_id"], v["sequence_index"]): v["answer"] for v in verdicts}
    rows = read_table(row.result / "sequences.parquet", "sequences").to_pylist()
    generations, kept = [], []
    for prompt_id, group in groupby(rows, key=lambda sequence: sequence["prompt_id"]):
        sequences = list(group)
        text = texts[prompt_id]
        extracted = [answers[prompt_id, s["sequence_index"]] for s in sequences]
        generations.append(
            {
                "prompt": text,
                "generated_sequences": len(sequences),
                "target": targets[prompt_id],
                "extracted_answers": str(extracted),
                "generations": [text + s["text"] for s in sequences],
                "entropies": [str(_entropies(s)) for s in sequences],
                "recorded_branches": [str(_branch(b, sequences)) for b in branches[prompt_id]],
            }
        )
        kept.append({"prompt_id": prompt_id} | {c: [s[c] for s in sequences] for c in KEPT_COLUMNS})
    return generations, kept


def _entropies(sequence: dict[str, Any]) -> list[float]:
    """A sequence's entropies with the authors' marks where there is none."""
    inherited = sequence["inherited_tokens"]
    own = sequence["entropies"][inherited:]
    marked = [NOT_RECORDED if math.isnan(entropy) else round(entropy, 6) for entropy in own]
    if marked and sequence["finish_reason"] == "stop":
        marked[-1] = END_OF_SEQUENCE
    return [INHERITED] * inherited + marked


def _branches(folders: list[Path]) -> dict[str, list[dict[str, Any]]]:
    by_prompt: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for folder in folders:
        for branch in read_table(folder / "branches.parquet", "branches").to_pylist():
            by_prompt[branch["prompt_id"]].append(branch)
    return by_prompt


def _branch(branch: dict[str, Any], sequences: list[dict[str, Any]]) -> dict[str, Any]:
    parent, child = (sequences[branch[f"{kind}_index"]] for kind in ("parent", "child"))
    pairs = zip(parent["text"], child["text"], strict=False)
    shared = "".join(mine for mine, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return {
        "seq_idx": branch["parent_index"],
        "gen_step": branch["step"],
        "auto_selected_token": branch["sampled_text"],
        "entropy": branch["entropy"],
        "entropy_threshold": branch["threshold"],
        "man_token_original": branch["kept_text"],
        "man_token_branch": branch["forked_text"],
        "new_seq_idx": branch["child_index"],
        "last_generated_chars": shared[-SHOWN_CHARACTERS:],
    }


def _sum(counts: list[dict[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for count in counts for name in count)
    return {name: sum(count.get(name, 0) for count in counts) for name in names}
