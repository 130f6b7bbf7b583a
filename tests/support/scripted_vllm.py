"""In place of vLLM in a copy of the repository: a scripted model, the tokenizer of its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from eager.config.settings import DecodingSettings
from tests.support.oracle import random_script
from tests.support.scripted_engine import TOP, ScriptedEngine

PROGRAM = "```python\ndef first(words):\n    return {}\n```"
WORDS = [
    *("<end>", "\\boxed{4}", "\\boxed{15}", "\\boxed{\\frac{30}{2}}", " so", "\n"),
    PROGRAM.format("list(set(words))[0]"),
    PROGRAM.format("words[0]"),
]
"""Tokens that it writes; the first ends a sequence."""


class ScriptedVllm(ScriptedEngine):
    def __init__(
        self, folder: Path, settings: DecodingSettings, _: Any, __: int, ends: tuple[int, ...]
    ) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        script = random_script(settings.seed, len(WORDS), 0, (), ties=False)
        super().__init__(script, frozenset(ends), TOP)
