"""metrics.json: the metrics of one result, with the seconds of the engine that made it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from itertools import groupby
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np

from eager.config.experiment import Target
from eager.data.prompts import end_of_thinking
from eager.data.tasks import Task, read_tasks
from eager.evaluation.answers.upstream import UpstreamGrade, answers_upstream, grade_answers
from eager.evaluation.statistics.inference import (
    Interval,
    Table,
    estimate,
    mean,
    share_interval,
)
from eager.evaluation.statistics.metrics import (
    Metrics,
    SequenceResult,
    distinct_answers,
    majority_is_correct,
    measure,
)
from eager.evaluation.statistics.parallel_curve import mean_curve
from eager.evaluation.statistics.work import DecodingWork, SequenceSpan, work_of
from eager.evaluation.warnings import warnings_of
from eager.util.counts import Counts, share_of
from eager.util.errors import EagerError
from eager.util.files import read_json, write_text
from eager.util.tables import first_samples, read_table, total_length

INTERVALS = {
    "pass_at_k": "solved",
    "cons_at_max": "majority_correct",
    "pass_rate": "share_correct",
    "pass_at_k_upstream": "solved_upstream",
    "cons_at_max_upstream": "majority_correct_upstream",
    "pass_rate_upstream": "share_correct_upstream",
    "tokens_per_prompt": "tokens",
    "tokens_upstream_per_prompt": "tokens_upstream",
}
"""Figures with an interval, and the value per prompt whose mean they are."""
LIST = re.compile(r"(?<=\[)\n([^\[\]{}\"]+)\n\s+(?=\])")
TREE = ("sequence_index", "parent_index", "round")
COLUMNS = ["prompt_id", *TREE, "token_ids", "inherited_tokens", "tokens_upstream", "text"]


def measure_target(target: Target, **more: Any) -> None:
    """Write metrics.json of a result that has been evaluated, with `more` at its end.

    The engine seconds of all generations that went into it add up: the budgeted methods build on
    EAGer-init.
    """
    tasks = {task.id: task for task in read_tasks(Path(target.tasks))}
    rows = read_table(Path(target.prompts), "prompts").to_pylist()
    known = {row["prompt_id"]: row for row in rows}
    results = _results(target)
    prompts = {name: found.sequences for name, found in results.items()}
    grades = {
        name: _grade(target.method, tasks[name], known[name]["text"], found.texts, found.sequences)
        for name, found in results.items()
    }
    work = {
        name: work_of(len(known[name]["token_ids"]), found.branches)
        for name, found in results.items()
    }
    texts = [text for found in results.values() for text in found.texts]
    answered = sum(one.candidate is not None for some in prompts.values() for one in some)
    # Cells of several thresholds share the samples of Full Parallel.
    unknown = {} if target.samples is None else {"entropy_threshold": None}
    content = {
        "schema_version": 1,
        "cell": {**target.cell, **unknown},
        "model_shape": read_json(Path(target.runs[-1])).get("model", {}).get("shape"),
        **metrics_of(target.method, prompts, grades, work, read_counts(target)),
        "warnings": warnings_of(texts, answered, end_of_thinking(Path(target.prompts))),
        **more,
    }
    write_text(Path(target.metrics), _as_text(content))


def read_counts(target: Target) -> list[Counts]:
    """`counts` in run.json of every generation that went into a result.

    Of the first samples of a folder they are in proportion to their tokens.
    """
    counts = [read_json(Path(run))["counts"] for run in target.runs]
    if target.samples is None:
        return counts
    every = read_table(target.file("sequences.parquet"), "sequences")
    shown = first_samples(every, target.samples)
    if shown.num_rows == every.num_rows:
        return counts
    return [share_of(one, total_length(shown), total_length(every)) for one in counts]


def metrics_of(
    method: str,
    prompts: Mapping[str, list[SequenceResult]],
    grades: Mapping[str, UpstreamGrade],
    work: Mapping[str, DecodingWork],
    counts: list[dict[str, float]],
) -> dict[str, Any]:
    """The content of metrics.json but for the cell.

    Args:
        method: the result's method.
        prompts: sequences by prompt, in order.
        grades: what the authors' rules say of each prompt.
        work: what each prompt asks of a machine beside tokens.
        counts: those of run.json of every generation that went into it.
    """
    per_prompt = {
        name: {
            **_describe(sequences),
            **{f"{value}_upstream": grade for value, grade in grades[name]._asdict().items()},
            **work[name]._asdict(),
        }
        for name, sequences in prompts.items()
    }
    content = _figures(list(prompts.values()))
    for name, value in INTERVALS.items():
        if name.endswith("_upstream"):
            graded = [float(row[value]) for row in per_prompt.values()]
            content[name] = fmean(graded) if graded else None
    content |= engine_costs(counts)
    if method == "parallel" and prompts:
        content["parallel_curve"] = mean_curve([list(prompts.values())])
    content["intervals"] = {
        name: interval_of(value, np.array([[float(row[value])] for row in per_prompt.values()]))
        for name, value in INTERVALS.items()
    }
    content["per_prompt"] = per_prompt
    return {"method": method, **content}


def interval_of(name: str, values: Table) -> Interval | None:
    """Interval of the mean of a value per prompt, which is a share or a number of tokens.

    Args:
        name: of the value, as in `per_prompt`.
        values: shape (prompts, seeds).
    """
    if len(values) < 2:
        return None
    return estimate([mean(values, None)]).interval if "tokens" in name else share_interval(values)


def _figures(prompts: list[list[SequenceResult]]) -> dict[str, Any]:
    """The figures of a result; where it has no prompt, counts are 0 and figures null."""
    if prompts:
        return asdict(measure(prompts))
    counts = dict.fromkeys(("prompts", "sequences", "tokens", "tokens_upstream"), 0)
    return dict.fromkeys(field.name for field in fields(Metrics)) | counts


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


def _grade(
    method: str, task: Task, prompt: str, texts: list[str], sequences: list[SequenceResult]
) -> UpstreamGrade:
    """A prompt by the authors' rules; of programs their verdicts, which both share."""
    if task.kind == "code":
        own = _describe(sequences)
        return UpstreamGrade(own["solved"], own["majority_correct"], own["share_correct"])
    return grade_answers(answers_upstream(method, prompt, texts), task.target)


class _Prompt(NamedTuple):
    """What is read of a prompt: of each sequence its result, its text, its place in the tree."""

    sequences: list[SequenceResult]
    texts: list[str]
    branches: list[SequenceSpan]


def _results(target: Target) -> dict[str, _Prompt]:
    paths = target.file("sequences.parquet"), target.file("verdicts.parquet")
    tables = read_table(paths[0], "sequences").select(COLUMNS), read_table(paths[1], "verdicts")
    sequences, verdicts = (first_samples(some, target.samples).to_pylist() for some in tables)
    identity = [(row["prompt_id"], row["sequence_index"]) for row in sequences]
    if identity != [(row["prompt_id"], row["sequence_index"]) for row in verdicts]:
        raise EagerError(f"{paths[1]} does not belong to {paths[0]}: delete it and evaluate again")
    results: dict[str, _Prompt] = {}
    rows = zip(sequences, verdicts, strict=True)
    for prompt_id, group in groupby(rows, key=lambda pair: pair[0]["prompt_id"]):
        found = results.setdefault(prompt_id, _Prompt([], [], []))
        names: dict[int, int] = {}
        for sequence, verdict in group:
            index, parent, number = (sequence[name] for name in TREE)
            inherited, length = sequence["inherited_tokens"], len(sequence["token_ids"])
            found.texts.append(sequence["text"])
            found.branches.append(SequenceSpan(index, parent, number, inherited, length))
            found.sequences.append(
                SequenceResult(
                    _name_of(verdict, names),
                    verdict["correct"],
                    verdict["correct_upstream"],
                    length - inherited,
                    sequence["tokens_upstream"],
                )
            )
    return results


def _name_of(verdict: Mapping[str, Any], names: dict[int, int]) -> int | None:
    """An answer's number, the same in results of other seeds: 48 bits of a hash of its text.

    Of equivalent answers it is the text of the first; `names` holds the numbers of a prompt.
    """
    if verdict["candidate"] is None:
        return None
    digest = hashlib.sha256(verdict["answer"].encode("utf-8", "surrogatepass")).hexdigest()
    return names.setdefault(verdict["candidate"], int(digest[:12], 16))


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
