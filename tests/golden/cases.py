"""What is compared: tokens of a scripted and of the real engine, verdicts of answers and programs.

Each case is a name and a hash of all that it gives.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from eager.algorithm.allocation import Round, Share, next_round
from eager.algorithm.rules import RULES
from eager.config.settings import BUDGET_METHODS, METHODS, DecodingSettings, EngineOptions
from eager.data.models import model_folder
from eager.data.prompts import Prompt, Vocabulary, read_prompts
from eager.data.rows import Task
from eager.data.tasks import read_tasks
from eager.data.tokenization import Texts
from eager.evaluation.answers.verdicts import judge
from eager.evaluation.programs import CodeOptions, evaluate_programs
from eager.generation.decoder import Decoder
from eager.generation.engine import Engine, VllmEngine
from eager.generation.prompt_run import NextRound
from eager.generation.records import tree_tables
from eager.sandbox.settings import SandboxSettings
from eager.util.fingerprint import Kind
from tests.support.letters import LETTERS, spelled
from tests.support.oracle import random_script
from tests.support.repository import ROOT
from tests.support.scripted_engine import TOP, SeededEngine

Cases = Iterator[tuple[str, str]]
DEMO = ROOT / "results/demo/SmolLM2-135M-Instruct/arithmetic/prompts.parquet"
MANIFEST = ROOT / "results/models/SmolLM2-135M-Instruct/manifest.json"
ENGINE = "engine"
"""Cases of the real engine begin with this: another processor may round differently."""
M, THETA = 5, 1.0
PROMPTS = 4


def token_cases() -> Cases:
    """Trees of every method and rule, by a scripted engine, then by the real one."""
    prompts = [Prompt(id=f"p{number}", token_ids=(100 + number,)) for number in range(PROMPTS)]
    for method, rule, script in product(METHODS, RULES, range(3)):
        marker = (1, 2) if script else ()
        vocabulary = Vocabulary(
            end_of_sequence=(0,),
            end_of_thinking=spelled(marker),
            context_length=100 if script else 30,
        )
        settings = _settings(method, rule, TOP, snapshot_steps=(10, 7, 1000)[script])
        engine = SeededEngine(random_script(script, 8, 0, marker, ties=True), frozenset({0}), 3)
        engine.max_num_seqs = (3, 8, 1000)[script]
        yield (
            f"scripted {method} {rule} {script}",
            _trees(engine, settings, vocabulary, prompts, LETTERS),
        )
    yield from _engine_cases()


def _engine_cases() -> Cases:
    prompts, vocabulary = read_prompts(DEMO)
    settings = _settings("parallel", "described", 20)
    engine = VllmEngine(
        model_folder(MANIFEST),
        settings,
        EngineOptions(max_num_seqs=32),
        vocabulary.context_length,
        vocabulary.end_of_sequence,
    )
    for method, rule in product(METHODS, RULES):
        engine._settings = _settings(method, rule, 20, max_tokens=24)
        yield (
            f"{ENGINE} {method} {rule}",
            _trees(engine, engine._settings, vocabulary, prompts[:2], engine.texts),
        )


def _settings(method: str, rule: str, top: int, **changes: Any) -> DecodingSettings:
    given = {"method": method, "rule": rule, "max_sequences": M, "seed": 55, "temperature": 0.6}
    if method != "parallel":
        given["entropy_threshold"] = THETA
    return DecodingSettings.model_validate(
        given | {"top_k_entropy": top, "max_tokens": 40, "dtype": "float32"} | changes
    )


def _trees(
    engine: Engine,
    settings: DecodingSettings,
    vocabulary: Vocabulary,
    prompts: list[Prompt],
    texts: Texts,
) -> str:
    """Hash of the tables of all prompts, in order."""
    decoder = Decoder(engine, settings, vocabulary, texts)
    work = [(prompt, _rounds(settings, index)) for index, prompt in enumerate(prompts)]
    finished = {
        run.prompt.id: [
            table.to_pylist()
            for round_, tree in run.finished
            for table in tree_tables(
                run.prompt,
                tree,
                round_number=round_.number,
                first_index=0,
                count_words=settings.method != "parallel",
                texts=texts,
            )
        ]
        for runs in decoder.run(work)
        for run in runs
    }
    return _hash([finished[prompt.id] for prompt in prompts])


def _rounds(settings: DecodingSettings, index: int) -> NextRound:
    """Of Full Parallel and EAGer-init one round; of the budgeted methods those of a share."""
    if settings.method in BUDGET_METHODS:
        share = Share(str(index), 2, index % 2 == 0, solved=None, share=2 + index, reason="")
        points = RULES[settings.rule]
        return lambda finished, generated: next_round(share, generated, finished, THETA, points)
    roots = M if settings.method == "parallel" else 1
    only = Round(0, roots, M, settings.entropy_threshold or 0.0)
    return lambda finished, _: None if finished else only


def answer_cases() -> Cases:
    """Verdicts of the labelled answers, together where they have one target: they vote there."""
    rows = (ROOT / "tests/data/hard_answers.jsonl").read_text(encoding="utf-8").splitlines()
    answers: dict[tuple[str, str], list[str]] = {}
    for row in map(json.loads, rows):
        answers.setdefault((row["kind"], row["target"]), []).append(row["answer"])
    for (kind, target), given in answers.items():
        task = Task(id="t", kind=kind, problem="p", target=target)
        texts = [f"So the answer is \\boxed{{{answer}}}." for answer in given]
        sequences = [
            {"text": text, "sequence_index": index, "finish_reason": "stop"}
            for index, text in enumerate([*texts, "no box", *given])
        ]
        yield f"{kind} {target}", _hash(judge(task, sequences))


def program_cases() -> Cases:
    """Verdicts of programs for the demo's tasks: the reference, and texts around and beside it."""
    wrong = ("    return None\n", "    return [0.0]\n", "    raise ValueError\n", "    return (\n")
    with TemporaryDirectory() as cache:
        for task in read_tasks(ROOT / "results/datasets/minicode/tasks.jsonl"):
            name = task.id
            right = str((task.code or {})["canonical_solution"])
            fenced = f"Sure.\n```python\n{task.problem}{right}```\nDone."
            texts = [task.problem + right, fenced, *(task.problem + body for body in wrong), ""]
            sequences = [
                {"prompt_id": name, "sequence_index": index, "text": text}
                for index, text in enumerate(texts)
            ]
            settings = SandboxSettings(engine="bubblewrap")
            rows = evaluate_programs({name: task}, sequences, CodeOptions(), settings, Path(cache))
            yield name, _hash(rows)


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=list)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


CASES: Mapping[Kind, Callable[[], Cases]] = {
    "tokens": token_cases,
    "answers": answer_cases,
    "programs": program_cases,
}
