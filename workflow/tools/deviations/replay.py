"""Recorded generations decided again: results of every variant, with no model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eager.algorithm.allocation import BudgetMethod, InitialResult, Round, Share, allocate
from eager.config.settings import DecodingSettings
from eager.data.prompts import Prompt
from eager.data.tasks import Task
from eager.data.tokenization import Texts
from eager.evaluation.answers.verdicts import judge
from eager.evaluation.statistics.metrics import SequenceResult
from eager.generation.prompt_run import NextRound, PromptRun
from eager.generation.records import tree_tables
from eager.util.files import read_json_lines
from tools.deviations.authors import VARIANTS, Variant, rounds_of
from tools.deviations.recording import (
    RecordingFacts,
    ReplayEngine,
    Row,
    VariantDecoder,
    read_recording,
)


@dataclass(frozen=True)
class Replayed:
    """One variant's result; sequences and verdicts by prompt, EAGer-init's included.

    `shares` are those of the budgeted methods, `branches` the branches of its own rounds, `theta`
    (nats) the threshold of EAGer-init's.
    """

    variant: Variant
    sequences: dict[str, list[dict[str, Any]]]
    verdicts: dict[str, list[dict[str, Any]]]
    branches: list[dict[str, Any]]
    shares: dict[str, Share]
    theta: float = 0.0

    @property
    def results(self) -> dict[str, list[SequenceResult]]:
        """What the metrics need, by prompt."""
        return {
            prompt: [
                SequenceResult(
                    verdict["candidate"],
                    verdict["correct"],
                    verdict["correct_upstream"],
                    len(row["token_ids"]) - row["inherited_tokens"],
                    row["tokens_upstream"],
                )
                for row, verdict in zip(rows, self.verdicts[prompt], strict=True)
            ]
            for prompt, rows in self.sequences.items()
        }


@dataclass(frozen=True)
class Recording:
    """A recording, its tasks, and the results that come out of it."""

    facts: RecordingFacts
    logs: dict[str, list[Row]]
    tasks: dict[str, Task]

    def replay(self, name: str, initial: Replayed | None = None) -> Replayed:
        """Decide on a variant's recorded steps.

        Args:
            name: of the variant.
            initial: EAGer-init's result, for the budgeted methods.

        Raises:
            EagerError: the rule asks for other steps than those recorded.
        """
        variant = VARIANTS[name]
        runs, shares = decide(variant, self.facts, self.logs.get(name, []), initial)
        return self._result(variant, runs, initial, shares)

    def replay_all(self) -> dict[str, Replayed]:
        """Every variant."""
        found: dict[str, Replayed] = {}
        for name, variant in VARIANTS.items():
            found[name] = self.replay(name, found[variant.initial] if variant.budgeted else None)
        return found

    def judged_with_prompt(self, result: Replayed) -> Replayed:
        """A result whose answers were looked for in prompt and answer together (I)."""
        verdicts = {}
        for name, rows in result.sequences.items():
            prompt = self.facts.prompt_template.replace("{prompt}", self.tasks[name].problem)
            texts = [{**row, "text": prompt + row["text"]} for row in rows]
            verdicts[name] = judge(self.tasks[name], texts)
        return replace(result, verdicts=verdicts)

    def _result(
        self,
        variant: Variant,
        runs: dict[str, PromptRun],
        initial: Replayed | None,
        shares: dict[str, Share],
    ) -> Replayed:
        sequences: dict[str, list[dict[str, Any]]] = {}
        branches: list[dict[str, Any]] = []
        for prompt_id in self.facts.prompt_ids:
            rows = list(initial.sequences[prompt_id]) if initial else []
            for round_, tree in runs[prompt_id].finished:
                tables = tree_tables(
                    runs[prompt_id].prompt,
                    tree,
                    round_number=round_.number,
                    first_index=len(rows),
                    count_words=variant.method != "parallel",
                    texts=Texts(self.facts),
                )
                rows += tables[0].to_pylist()
                branches += tables[1].to_pylist()
            sequences[prompt_id] = rows
        verdicts = {name: judge(self.tasks[name], rows) for name, rows in sequences.items()}
        theta = settings_of(variant, self.facts).entropy_threshold or 0.0
        return Replayed(variant, sequences, verdicts, branches, shares, theta)


def read(path: Path, root: Path) -> Recording:
    """Read a recording and the tasks it speaks of.

    Args:
        path: the recording.
        root: the repository.
    """
    facts, logs = read_recording(path)
    return Recording(facts, logs, read_tasks(root / facts.tasks))


def read_tasks(path: Path) -> dict[str, Task]:
    """The tasks by id, from the demo's own file of arithmetic problems."""
    return {
        row["id"]: Task(id=row["id"], problem=row["problem"], target=row["answer"], kind="math")
        for _, row in read_json_lines(path)
    }


def decide(
    variant: Variant, facts: RecordingFacts, log: list[Row], initial: Replayed | None
) -> tuple[dict[str, PromptRun], dict[str, Share]]:
    """Let a variant's rule decide on recorded steps.

    Args:
        variant: the rule.
        facts: settings and prompts of the recording.
        log: the steps.
        initial: EAGer-init's result, for the budgeted methods.

    Returns:
        The finished prompts, and the shares of the budgeted methods.

    Raises:
        EagerError: the rule asks for other steps than those of the log.
    """
    settings = settings_of(variant, facts)
    shares = shares_of(variant, initial, settings) if initial else {}
    engine = ReplayEngine(variant.name, log)
    decoder = VariantDecoder(engine, settings, facts.vocabulary, Texts(facts), variant)
    work = [
        (Prompt(id=prompt_id, token_ids=()), first_rounds(variant, settings, shares, prompt_id))
        for prompt_id in facts.prompt_ids
    ]
    runs = {run.prompt.id: run for finished in decoder.run(work) for run in finished}
    engine.finish()
    return runs, shares


def settings_of(variant: Variant, facts: RecordingFacts) -> DecodingSettings:
    """The settings that a variant was generated with."""
    settings = facts.settings[variant.method]
    if variant.theta is None:
        return settings
    return settings.model_copy(update={"entropy_threshold": variant.theta})


def first_rounds(
    variant: Variant, settings: DecodingSettings, shares: dict[str, Share], prompt_id: str
) -> NextRound:
    """The rounds of a prompt in a variant, as the workflow has them."""
    cap, theta = settings.max_sequences, settings.entropy_threshold
    if variant.budgeted:
        assert theta is not None  # DecodingSettings has checked it
        return rounds_of(variant, shares[prompt_id], theta)
    roots = cap if variant.method == "parallel" else 1
    only = Round(0, roots, cap, theta or 0.0)
    return lambda finished, _: None if finished else only


def shares_of(variant: Variant, initial: Replayed, settings: DecodingSettings) -> dict[str, Share]:
    """Who gets how much of the budget that EAGer-init left."""
    method: BudgetMethod = "eager" if variant.method == "eager" else "eager_adapt"
    counts = [
        InitialResult(
            prompt_id,
            len(rows),
            any(verdict["correct"] for verdict in initial.verdicts[prompt_id])
            if method == "eager"
            else None,
        )
        for prompt_id, rows in initial.sequences.items()
    ]
    shares = allocate(method, counts, settings.max_sequences, variant.points)
    return {share.prompt_id: share for share in shares}
