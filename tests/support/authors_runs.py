"""The recorded runs of the authors' program, read for their decisions only.

The result files are read here without the package's import, so that the tests of the rule do not
depend on it.
"""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.repository import ROOT

FOLDER = ROOT / "tests/data/authors_runs"
TURN = "<|im_start|>assistant\n"
"""What the chat-formatted prompt ends with; `prompt` in the files is the bare problem."""
STEPS = {"decisions": 120, "boxed": 96, "wide": 80}
"""Names of the runs, and the steps that a prompt had in each."""


@dataclass(frozen=True)
class RecordedPrompt:
    """One prompt of a result file.

    Attributes:
        prompt: the chat-formatted text.
        texts: of each sequence, without the prompt.
        entropies: of each sequence: -1 inherited, -2 a word after branching ended.
        branches: records of the branches.
        solved: whether an extracted answer is the target.
    """

    prompt: str
    texts: list[str]
    entropies: list[list[float]]
    branches: list[dict[str, Any]]
    solved: bool


@dataclass(frozen=True)
class Run:
    """One folder: EAGer-init, full EAGer, and what full EAGer gave to whom."""

    name: str
    max_sequences: int
    theta: float
    steps: int
    initial: list[RecordedPrompt]
    budgeted: list[RecordedPrompt]
    shares: dict[int, int]


def read_run(name: str) -> Run:
    """Read one of the folders."""
    first = _read(name, "*_aware_results_*.json")
    later = _read(name, "*_aware_more_budget_results_*.json")
    printed = re.search(r"(\{[^{}]*\})\)$", later["extra"]["notes"])
    assert printed is not None
    return Run(
        name=name,
        max_sequences=first["params"]["max_sequences"],
        theta=first["params"]["entropy_threshold"],
        steps=STEPS[name],
        initial=_prompts(first),
        budgeted=_prompts(later),
        shares=ast.literal_eval(printed[1]),
    )


def _read(name: str, pattern: str) -> dict[str, Any]:
    (path,) = (FOLDER / name).glob(pattern)
    content: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return content


def _prompts(content: dict[str, Any]) -> list[RecordedPrompt]:
    return [
        RecordedPrompt(
            prompt=prompt["generations"][0].partition(TURN)[0] + TURN,
            texts=[text.partition(TURN)[2] for text in prompt["generations"]],
            entropies=[json.loads(printed) for printed in prompt["entropies"]],
            branches=[ast.literal_eval(printed) for printed in prompt["recorded_branches"]],
            solved=str(prompt["target"]) in ast.literal_eval(prompt["extracted_answers"]),
        )
        for prompt in content["entropy-aware-generations"]
    ]
