"""The authors' files as an outsider reads them: a literal recap, and the shape of a file.

Nothing of the package is used here.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any, NamedTuple

RUNS = Path(__file__).parents[1] / "data/authors_runs"
RESULT_FILES = sorted(RUNS.glob("*/*.json"))


class Recap(NamedTuple):
    """What the authors' recap script says about a file."""

    pass_at_k: float
    cons_at_max: float
    pass_rate: float
    tokens: int
    sequences: int


def prompts_of(path: Path) -> list[dict[str, Any]]:
    content = json.loads(path.read_text())
    found = content.get("entropy-aware-generations") or content["default-generations"]
    assert isinstance(found, list)
    return found


def recap(path: Path) -> Recap:
    """Pass@k by substring, the rest by equality; every answer votes, the empty one too."""
    solved = agreed = tokens = sequences = 0
    rate = 0.0
    prompts = prompts_of(path)
    for prompt in prompts:
        target = str(prompt["target"])
        answers = ast.literal_eval(prompt["extracted_answers"])
        for answer in answers:
            if target in answer:
                solved += 1
                break
        best, most = None, 0
        for answer in answers:
            if answers.count(answer) > most:
                best, most = answer, answers.count(answer)
        agreed += best == target
        rate += answers.count(target) / len(answers)
        for printed in prompt["entropies"]:
            tokens += sum(mark != -1 for mark in ast.literal_eval(printed))
        sequences += len(answers)
    count = len(prompts)
    return Recap(solved / count, agreed / count, rate / count, tokens, sequences)


PRINTED = ("extracted_answers", "entropies", "recorded_branches")
"""Keys whose texts are printed lists and dicts, or lists of these."""


def shape(value: Any, key: str = "") -> Any:
    """Keys in order and types, recursively; what is printed is opened, items of a list are one."""
    if isinstance(value, dict):
        return {name: shape(item, name) for name, item in value.items()}
    if isinstance(value, list):
        items: dict[str, Any] = {}
        for item in value:
            found = shape(item, key)
            _merge(items, found if isinstance(found, dict) else {str(found): {}})
        return {"each": items}
    if isinstance(value, str) and key in PRINTED:
        return {"printed": shape(ast.literal_eval(value))}
    return type(value).__name__


def _merge(known: dict[str, Any], found: dict[str, Any]) -> None:
    for name, item in found.items():
        if isinstance(item, dict) and isinstance(known.get(name), dict):
            _merge(known[name], item)
        else:
            known.setdefault(name, item)
