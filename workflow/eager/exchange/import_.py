"""The authors' JSON files as our tables, so that they are evaluated, measured and compared."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from eager.config.settings import Method
from eager.data.tasks import Task
from eager.evaluation.evaluate import evaluate_answers
from eager.evaluation.measure import write_metrics
from eager.exchange.authors_format import (
    END_OF_SEQUENCE,
    FILE_NAMES,
    INHERITED,
    Generation,
    ResultFile,
    read_result_file,
)
from eager.generation.provenance import describe_run
from eager.util.errors import EagerError
from eager.util.files import write_json, write_text
from eager.util.tables import BRANCHES, SEQUENCES, write_table

UNKNOWN_TOKEN = -1
"""Token id where only a token's existence is known."""
Encode = Callable[[str], list[int]]
Rows = list[dict[str, Any]]


def import_result(path: Path, kind: str, output: Path, tokenizer: Path | None = None) -> None:
    """Turn a result file of the authors' code into a result folder of ours, evaluated and measured.

    Writes sequences.parquet, branches.parquet, run.json, tasks.jsonl, verdicts.parquet and
    metrics.json. A file that does not say how its tokens were counted has one count for both.

    Args:
        path: the file.
        kind: how its answers are evaluated: "math" or "choice".
        output: folder to write.
        tokenizer: folder of the model's tokenizer; needed for sequences without entropies, whose
            tokens cannot be counted otherwise.

    Raises:
        EagerError: the file is not one, or its tokens cannot be counted.
    """
    result = read_result_file(path)
    method = _method(path, result)
    sequences, branches, tasks = _tables(path, kind, result, _encoder(tokenizer))
    write_table(
        output / "sequences.parquet", pa.Table.from_pylist(sequences, SEQUENCES), "sequences"
    )
    write_table(output / "branches.parquet", pa.Table.from_pylist(branches, BRANCHES), "branches")
    write_text(output / "tasks.jsonl", "".join(task.model_dump_json() + "\n" for task in tasks))
    counts = result.kept_notes().get("counts") or {"engine_seconds": result.extra.seconds}
    write_json(
        output / "run.json",
        describe_run(
            {"method": method, **result.params.model_dump()},
            counts=counts,
            imported_from=path.name,
        ),
    )
    evaluate_answers(
        output / "sequences.parquet", output / "tasks.jsonl", output / "verdicts.parquet"
    )
    write_metrics(
        method,
        output / "sequences.parquet",
        output / "verdicts.parquet",
        [output / "run.json"],
        output / "metrics.json",
    )


def _tables(
    path: Path, kind: str, result: ResultFile, encode: Encode | None
) -> tuple[Rows, Rows, list[Task]]:
    """Rows of the sequences and the branches, and the tasks."""
    kept = result.kept_notes().get("prompts") or []
    if kept and len(kept) != len(result.generations):
        raise EagerError(f"{path}: the notes speak of {len(kept)} prompts; export it again")
    sequences: Rows = []
    branches: Rows = []
    tasks: list[Task] = []
    for number, generation in enumerate(result.generations, start=1):
        where = f"{path}, prompt {number}"
        notes = kept[number - 1] if kept else {}
        prompt_id = str(notes.get("prompt_id", number))
        target = str(generation.target).strip()
        tasks.append(Task(id=prompt_id, problem=generation.prompt, target=target, kind=kind))
        recorded = [_literal(where, text) for text in generation.recorded_branches]
        rows = _sequences(where, prompt_id, generation, recorded, encode)
        for name in set(notes) & set(SEQUENCES.names) - {"prompt_id"}:
            for row, value in zip(rows, notes[name], strict=True):
                row[name] = value
        sequences += rows
        branches += [_branch(where, prompt_id, branch, rows) for branch in recorded]
    return sequences, branches, tasks


def _method(path: Path, result: ResultFile) -> Method:
    """The method by the file's name."""
    if result.default is not None:
        return "parallel"
    found: list[Method] = [
        method
        for method, name in FILE_NAMES.items()
        if method != "parallel" and name.removeprefix("{run}").split("{theta}")[0] in path.name
    ]
    if len(found) != 1:
        raise EagerError(
            f"{path}: the name does not tell the method; rename it to one of "
            f"{', '.join(FILE_NAMES.values())}"
        )
    return found[0]


def _encoder(tokenizer: Path | None) -> Encode | None:
    if tokenizer is None:
        return None
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(tokenizer, local_files_only=True)
    return lambda text: list(loaded.encode(text, add_special_tokens=False))


def _sequences(
    where: str,
    prompt_id: str,
    generation: Generation,
    recorded: list[dict[str, Any]],
    encode: Encode | None,
) -> Rows:
    parents = {branch.get("new_seq_idx"): branch.get("seq_idx") for branch in recorded}
    rows = []
    for index, whole in enumerate(generation.generations):
        text = _without_prompt(whole, generation.prompt)
        if generation.entropies:
            marks = _numbers(where, generation.entropies[index])
            token_ids = [UNKNOWN_TOKEN] * len(marks)
        elif encode is not None:
            token_ids = encode(text)
            marks = [END_OF_SEQUENCE] * len(token_ids)
        else:
            raise EagerError(
                f"{where}: no entropies, so the tokens cannot be counted; give --tokenizer, the "
                "folder of the model's tokenizer"
            )
        inherited = next((i for i, m in enumerate(marks) if m != INHERITED), len(marks))
        rows.append(
            {
                "prompt_id": prompt_id,
                "sequence_index": index,
                "parent_index": parents.get(index),
                "fork_position": inherited,
                "round": 0,
                "threshold": None,
                "token_ids": token_ids,
                "entropies": [math.nan if mark < 0 else mark for mark in marks],
                "inherited_tokens": inherited,
                "tokens_upstream": len(marks) - inherited,
                "finish_reason": "stop" if marks and marks[-1] == END_OF_SEQUENCE else "length",
                "text": text,
            }
        )
    return rows


def _without_prompt(whole: str, prompt: str) -> str:
    """What was generated: the text after the prompt, which a chat template may surround."""
    _, found, after = whole.partition(prompt) if prompt else ("", "", "")
    return after if found else whole


def _branch(
    where: str, prompt_id: str, branch: dict[str, Any], rows: list[dict[str, Any]]
) -> dict[str, Any]:
    try:
        parent, child = int(branch["seq_idx"]), int(branch["new_seq_idx"])
        return {
            "prompt_id": prompt_id,
            "round": rows[child]["round"],
            "step": int(branch["gen_step"]),
            "position": rows[child]["inherited_tokens"],
            "parent_index": parent,
            "child_index": child,
            "entropy": float(branch["entropy"]),
            "threshold": float(branch["entropy_threshold"]),
            "sampled_token": UNKNOWN_TOKEN,
            "kept_token": UNKNOWN_TOKEN,
            "forked_token": UNKNOWN_TOKEN,
            "sampled_text": str(branch["auto_selected_token"]),
            "kept_text": str(branch["man_token_original"]),
            "forked_text": str(branch["man_token_branch"]),
        }
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise EagerError(
            f"{where}: recorded branch {branch!r} is not complete: {error!r}"
        ) from None


def _numbers(where: str, text: str) -> list[float]:
    """A printed list of numbers."""
    try:
        numbers = json.loads(text)
        return [float(number) for number in numbers]
    except (ValueError, TypeError):
        raise EagerError(f"{where}: not a printed list of numbers: {text[:60]!r}") from None


def _literal(where: str, text: str) -> dict[str, Any]:
    """A printed dict; literals only, nothing is run."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise EagerError(f"{where}: not a printed dict: {text[:60]!r}")
    return value
