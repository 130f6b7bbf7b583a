"""Results of a scripted model on disk, as the workflow leaves them: real trees, small texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from eager.algorithm.allocation import Round
from eager.algorithm.branching import PromptTree
from eager.algorithm.rules import RuleName
from eager.config.experiment import Target
from eager.config.settings import BUDGET_METHODS, DecodingSettings, Method
from eager.data.encoding import SCHEMA as PROMPTS
from eager.data.prompts import Prompt, Vocabulary
from eager.data.tasks import Task
from eager.data.tokenization import Texts
from eager.evaluation.evaluate import evaluate
from eager.evaluation.measure import measure_target
from eager.evaluation.programs import CodeOptions
from eager.generation.decoder import Decoder
from eager.generation.records import tree_tables
from eager.sandbox.settings import SandboxSettings
from eager.util.files import write_json
from eager.util.tables import BRANCHES, SEQUENCES, SEQUENCES_OF_STEPS, concatenate, write_table
from tests.support import oracle
from tests.support.letters import Letters
from tests.support.scripted_engine import ScriptedEngine

END, TOP = 0, 6
Rows = list[dict[str, Any]]
TEXTS = ["<end>", "\\boxed{", "4}", " 5", "}", " so", "\n", "13", " 4", "é"]
WORDS = Texts(Letters(TEXTS))
TARGETS = {"p-7": "4", "q": "5", "r": "13"}
TEMPLATE = "<user>e.g. \\boxed{{4}} {}<assistant>"
TEMPLATES = {"sums": "e.g. \\boxed{4} {prompt}"}
CELL: dict[str, Any] = {
    "experiment": "demo",
    "model": "tiny",
    "dataset": "sums",
    "temperature": 0.6,
    "max_sequences": 4,
    "entropy_threshold": 1.0,
    "seed": 55,
}


def make_result(
    folder: Path, method: Method, seed: int = 0, rule: RuleName = "described"
) -> Target:
    """A result with three prompts; the budgeted methods build on a folder `initial`."""
    budgeted = method in BUDGET_METHODS
    initial = (
        _generate(folder / "initial", "eager_init", range(1), seed, rule, {}) if budgeted else {}
    )
    rounds = range(1, 3) if budgeted else range(1)
    own = _generate(folder / method, method, rounds, seed, rule, initial)
    rows = [row for prompt in TARGETS for row in (*initial.get(prompt, []), *own[prompt])]
    table = pa.Table.from_pylist(rows, SEQUENCES_OF_STEPS if rule == "authors" else SEQUENCES)
    write_table(folder / method / "sequences.parquet", table, "sequences")
    return _evaluated(folder, method, rule)


def _generate(
    folder: Path, method: Method, rounds: range, seed: int, rule: RuleName, initial: dict[str, Rows]
) -> dict[str, Rows]:
    """The rows of a method's own rounds by prompt; its branches and run.json are written."""
    own: dict[str, Rows] = {}
    born = []
    for place, prompt in enumerate(TARGETS):
        own[prompt] = []
        for number in rounds:
            rows, branches = tree_tables(
                Prompt(id=prompt, token_ids=()),
                _tree(method, number, 100 * seed + place, rule),
                round_number=number,
                first_index=len(initial.get(prompt, [])) + len(own[prompt]),
                count_words=method != "parallel",
                texts=WORDS,
            )
            own[prompt] += rows.to_pylist()
            born.append(branches)
    write_table(folder / "branches.parquet", concatenate(born, BRANCHES), "branches")
    counts = {"tokens": 9, "prompt_tokens": 8, "engine_seconds": 1.5, "driver_seconds": 0.25}
    write_json(folder / "run.json", {"counts": counts})
    return own


def _tree(method: Method, number: int, seed: int, rule: RuleName) -> PromptTree:
    theta = CELL["entropy_threshold"] * 0.8**number
    chosen = DecodingSettings(
        method=method,
        max_sequences=CELL["max_sequences"],
        entropy_threshold=theta,
        top_k_entropy=TOP,
        max_steps_without_branch=5,
        temperature=0.6,
        max_tokens=14,
        seed=55,
        rule="described" if method == "parallel" else rule,
    )
    vocabulary = Vocabulary(end_of_sequence=(END,), context_length=64)
    script = oracle.random_script(1000 * number + seed, len(TEXTS), END, (), ties=False)
    roots = CELL["max_sequences"] if method == "parallel" else 1
    round_ = Round(number, roots, CELL["max_sequences"], theta)
    decoder = Decoder(ScriptedEngine(script, frozenset({END}), TOP), chosen, vocabulary, WORDS)
    work = [(Prompt(id="p", token_ids=(100,)), lambda done, _: None if done else round_)]
    (run,) = [run for finished in decoder.run(work) for run in finished]
    return run.finished[0][1]


def _evaluated(folder: Path, method: Method, rule: RuleName) -> Target:
    tasks = [Task(id=p, problem=f"What is {p}?", target=t, kind="math") for p, t in TARGETS.items()]
    lines = "".join(json.dumps(task.model_dump()) + "\n" for task in tasks)
    (folder / "tasks.jsonl").write_text(lines)
    texts = [TEMPLATE.format(task.problem) for task in tasks]
    prompts = {"prompt_id": list(TARGETS), "text": texts, "token_ids": [[1]] * len(tasks)}
    write_table(folder / "prompts.parquet", pa.table(prompts, PROMPTS), "prompts")
    target = Target(
        cell=CELL if rule == "described" else {**CELL, "rule": rule},
        method=method,
        folder=str(folder / method),
        metrics=str(folder / method / "metrics.json"),
        prompts=str(folder / "prompts.parquet"),
        tasks=str(folder / "tasks.jsonl"),
        model_manifest=None,
        initial=str(folder / "initial") if method in BUDGET_METHODS else None,
    )
    evaluate(target, CodeOptions(), SandboxSettings(), folder)
    measure_target(target)
    return target
