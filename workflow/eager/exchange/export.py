"""Our results as the authors' JSON files, in their folders."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby, takewhile
from pathlib import Path
from statistics import fmean
from typing import Any

from eager.config.experiment import Target
from eager.config.settings import BUDGET_METHODS, DEFAULT_RULE, Method
from eager.data.tasks import Task, read_tasks
from eager.evaluation.answers.upstream import answers_upstream, grade_answers
from eager.evaluation.measure import read_counts
from eager.exchange.authors_format import INHERITED, NOT_RECORDED, NOTES_MARK, file_path
from eager.util.counts import added
from eager.util.files import read_json, write_json
from eager.util.tables import first_samples, read_table

KEPT_COLUMNS = ("parent_index", "round", "threshold", "finish_reason")
"""Columns that the authors' format has no place for and an import needs back."""
SHOWN_CHARACTERS = 50
DIGITS = 4
"""Of entropies in lists; those of branches are whole."""
Rows = list[dict[str, Any]]


def export_results(
    targets: Sequence[Target],
    templates: Mapping[str, str],
    output: Path,
    say: Callable[[str], None],
) -> None:
    """Write each result to `{output}/{model}/{dataset}/{run}/`, and a .jsonl file beside it.

    Args:
        targets: the results.
        templates: prompt_template of each data set, without the model's chat template.
        output: folder to write.
        say: is told once if entropies are lacking that the authors' program records.
    """
    silent = False
    for target in targets:
        cell = target.cell
        run = "{experiment}_T{temperature:g}_M{max_sequences}_seed{seed}".format(**cell)
        if (rule := cell.get("rule", DEFAULT_RULE)) != DEFAULT_RULE:
            run += f"_rule-{rule}"
        path = output / file_path(
            cell["model"], cell["dataset"], run, target.method, float(cell["entropy_threshold"])
        )
        content, name, generations, recorded = _content(target, run, templates[cell["dataset"]])
        write_json(path, {**content, name: generations})
        write_json(path.with_suffix(".jsonl"), content)
        silent |= target.method == "parallel" and not recorded
    if silent:
        say(
            f"export: Full Parallel has no entropies, {NOT_RECORDED} stands for each; for the "
            "authors' entropy analysis write record_entropies: true in the experiment and run it"
        )


def _content(target: Target, run: str, template: str) -> tuple[dict[str, Any], str, Rows, bool]:
    """The file without its generations, their key, they, and whether entropies were recorded."""
    folders = [Path(folder) for folder in (target.initial, target.folder) if folder is not None]
    metrics, cell = read_json(Path(target.metrics)), target.cell
    counts = added(*read_counts(target))
    tasks = {task.id: task for task in read_tasks(Path(target.tasks))}
    generations, kept, recorded = _generations(target, tasks, template, _branches(folders))
    budgeted = target.method in BUDGET_METHODS
    rule = cell.get("rule", DEFAULT_RULE)
    own = {NOTES_MARK: {"method": target.method, "rule": rule, "counts": counts, "prompts": kept}}
    notes = json.dumps(own) + (_allocation(kept) if budgeted else "")
    params = {
        "model_name": cell["model"],
        "temperature": float(cell["temperature"]),
        "entropy_threshold": float(cell["entropy_threshold"]),
        "max_sequences": int(cell["max_sequences"]),
        "seed": int(cell["seed"]),
    }
    data = {
        "data_name": cell["dataset"],
        "num_prompts": len(generations),
        "targets": [generation["target"] for generation in generations],
    }
    number = len(generations)
    content: dict[str, Any] = {
        # In files of the budgeted methods the parameters lie flat, and the state stays as it is.
        **(params if budgeted else {"experiment_name": run, "params": params, "data": data}),
        "status": {
            "state": "IN_PROGRESS" if budgeted else "COMPLETED",
            "completed_sequences": number,
            "total_sequences": number,
            "progress": f"{number}/{number}",
        },
        "extra": {"notes": notes, "generation_time_so_far (s)": float(metrics["seconds"])},
        "results": _results(target.method, tasks, kept, generations, metrics),
    }
    kind = "default" if target.method == "parallel" else "entropy-aware"
    return content, f"{kind}-generations", generations, recorded


def _results(
    method: Method, tasks: dict[str, Task], kept: Rows, generations: Rows, metrics: dict[str, Any]
) -> dict[str, float]:
    """The three figures as the authors' program prints them: equality, and empty answers no votes.

    (Their recap counts otherwise, from the answers; of programs, the results of the tests.)
    """
    names = {"avg_acc": "pass_rate", "pass_at_1": "pass_at_k", "cons_at_max": "cons_at_max"}
    targets = [tasks[note["prompt_id"]] for note in kept]
    if not targets or any(task.kind == "code" for task in targets):
        return {name: float(metrics[ours] or 0.0) for name, ours in names.items()}
    answers = [_answers(method, generation) for generation in generations]
    pairs = [(task.target, given) for task, given in zip(targets, answers, strict=True)]
    votes = [(target, [answer for answer in given if answer]) for target, given in pairs]
    majority = [bool(v) and grade_answers(v, target).majority_correct for target, v in votes]
    return {
        "avg_acc": fmean(grade_answers(given, target).share_correct for target, given in pairs),
        "pass_at_1": fmean(target in given for target, given in pairs),
        "cons_at_max": fmean(majority),
    }


def _answers(method: Method, generation: dict[str, Any]) -> list[str]:
    # Of EAGer's methods the texts hold the prompt.
    return answers_upstream(method, "", generation["generations"])


def _generations(
    target: Target,
    tasks: dict[str, Task],
    template: str,
    branches: dict[str, Rows],
) -> tuple[Rows, Rows, bool]:
    """The prompts in the authors' form, and what that form cannot hold of each."""
    prompts = read_table(Path(target.prompts), "prompts").to_pylist()
    texts = {prompt["prompt_id"]: prompt["text"] for prompt in prompts}
    verdicts = read_table(target.file("verdicts.parquet"), "verdicts").to_pylist()
    programs = {(v["prompt_id"], v["sequence_index"]): v["answer"] or "" for v in verdicts}
    table = read_table(target.file("sequences.parquet"), "sequences")
    rows = first_samples(table, target.samples).to_pylist()
    aware = target.method != "parallel"
    generations, kept = [], []
    recorded = False
    for prompt_id, group in groupby(rows, key=lambda sequence: sequence["prompt_id"]):
        sequences = list(group)
        task, before, found = tasks[prompt_id], texts[prompt_id], branches[prompt_id]
        whole = [before * aware + sequence["text"] for sequence in sequences]
        generation: dict[str, Any] = {
            "prompt": template.replace("{prompt}", task.problem),
            "generated_sequences": len(sequences),
            "target": _target(task.target),
            "extracted_answers": "",
            "generations": whole,
            "entropies": [str(_entropies(s, found)) for s in sequences],
        }
        answers = _answers(target.method, generation)
        if task.kind == "code":
            answers = [programs[prompt_id, s["sequence_index"]] for s in sequences]
        generation["extracted_answers"] = str(answers)
        if aware:
            generation["recorded_branches"] = [str(b) for b in _records(found, sequences, whole)]
        generations.append(generation)
        recorded |= any(not math.isnan(e) for s in sequences for e in s["entropies"])
        kept.append(_note(prompt_id, before, sequences, found))
    return generations, kept, recorded


def _note(prompt_id: str, before: str, sequences: Rows, branches: Rows) -> dict[str, Any]:
    """What the authors' form cannot hold of a prompt."""
    children = [s for s in sequences if s["parent_index"] is not None]
    return {
        "prompt_id": prompt_id,
        "prompt_characters": len(before),
        "tokens": [len(s["token_ids"]) for s in sequences],
        "steps": [branch["step"] for branch in branches],
        **_note_of_steps(sequences),
        "forks_recorded_once": any(
            math.isnan(s["entropies"][s["inherited_tokens"]]) for s in children
        ),
        **{column: [s[column] for s in sequences] for column in KEPT_COLUMNS},
    }


def _note_of_steps(sequences: Rows) -> dict[str, Any]:
    """What is added where ends are drawn again: lists have an entry per step, not per token."""
    if not any(s.get("step_entropies") for s in sequences):
        return {}
    return {
        "ends_drawn": [s["ends_drawn"] for s in sequences],
        "inherited_tokens": [s["inherited_tokens"] for s in sequences],
        "entropies": [
            [None if math.isnan(e) else round(e, DIGITS) for e in s["entropies"]] for s in sequences
        ],
    }


def _target(target: str) -> str | int:
    """A whole number as a number, as the authors' files have it."""
    bare = target.removeprefix("-")
    return int(target) if bare.isdecimal() and str(int(target)) == target else target


def _entropies(sequence: dict[str, Any], branches: Rows) -> list[float]:
    """A sequence's entropies as the authors' program lists them.

    A fork's stands in both lists; a sequence that ended while its prompt branched repeats its last
    one; afterwards each word (of Full Parallel: each token) has the mark for none.
    """
    inherited, count = sequence["inherited_tokens"], sequence["tokens_upstream"]
    own = sequence["entropies"][inherited:]
    if steps := sequence.get("step_entropies"):
        # Their rule made it: every step is there already.
        inherited = sum(1 for _ in takewhile(math.isnan, steps))
        own = [*steps[inherited:], math.nan]
    if own and math.isnan(own[0]):
        born = (b for b in branches if b["child_index"] == sequence["sequence_index"])
        own = [next((branch["entropy"] for branch in born), math.nan), *own[1:]]
    recorded = [round(entropy, DIGITS) for entropy in takewhile(lambda e: not math.isnan(e), own)]
    ended = sequence["finish_reason"] == "stop" and len(recorded) == len(own)
    rest = recorded[-1] if ended and recorded else NOT_RECORDED
    return [INHERITED] * inherited + [*recorded, *[rest] * (count - len(recorded))][:count]


def _branches(folders: list[Path]) -> dict[str, Rows]:
    by_prompt: dict[str, Rows] = defaultdict(list)
    for folder in folders:
        for branch in read_table(folder / "branches.parquet", "branches").to_pylist():
            by_prompt[branch["prompt_id"]].append(branch)
    return by_prompt


def _records(branches: Rows, sequences: Rows, whole: list[str]) -> Rows:
    """The branches of a prompt; places of sequences count within their round."""
    starts: dict[int, int] = {}
    for sequence in sequences:
        starts.setdefault(sequence["round"], sequence["sequence_index"])
    steps_count = any(s.get("step_entropies") for s in sequences)
    records = []
    for branch in branches:
        start = starts[branch["round"]]
        parent = branch["parent_index"] - start
        before = [
            b for b in branches if b["round"] == branch["round"] and b["step"] < branch["step"]
        ]
        records.append(
            {
                "seq_idx": parent,
                "gen_step": branch["step" if steps_count else "position"],
                "auto_selected_token": branch["sampled_text"],
                "entropy": branch["entropy"],
                "entropy_threshold": branch["threshold"],
                "man_token_original": branch["kept_text"],
                "man_token_branch": branch["forked_text"],
                "new_seq_idx": 1 + len(before) + parent,
                "last_generated_chars": _before_branch(branch, whole),
            }
        )
    return records


def _before_branch(branch: dict[str, Any], whole: list[str]) -> str:
    """The last characters of the text that parent and child share."""
    parent: str = whole[branch["parent_index"]]
    child: str = whole[branch["child_index"]]
    pairs = zip(parent, child, strict=False)
    alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    # The two tokens may begin alike.
    kept, forked = branch["kept_text"], branch["forked_text"]
    fits = (
        end
        for end in range(alike, max(alike - min(len(kept), len(forked)), 0) - 1, -1)
        if parent.startswith(kept, end) and child.startswith(forked, end)
    )
    end = next(fits, alike)
    return parent[max(end - SHOWN_CHARACTERS, 0) : end]


def _allocation(kept: Rows) -> str:
    """The shares of a budgeted method, as their program prints them at the end of the notes."""
    shares = Counter({place: sum(r > 0 for r in note["round"]) for place, note in enumerate(kept)})
    shown = ", ".join(f"{place}: {share}" for place, share in shares.items() if share)
    return f"-- (with additional budget | {{prompt_idx: +seq_num}} = {{{shown}}})"
