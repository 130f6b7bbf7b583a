"""In place of vLLM in a copy of the repository: a scripted model, the tokenizer of its folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from eager.config.settings import DecodingSettings
from eager.data.tokenization import Texts, load_tokenizer
from tests.support.oracle import random_script
from tests.support.scripted_engine import SeededEngine

PROGRAM = "```python\ndef first(words):\n    return {}\n```"
WORDS = [
    *("<end>", "\\boxed{4}", "\\boxed{15}", "\\boxed{\\frac{30}{2}}", " so", "\n"),
    PROGRAM.format("words[0]"),
    # Each right by a chance of one half if sets of strings have another order in every process.
    *(PROGRAM.format(f"list({{words[0], 'other {n}'}})[0]") for n in range(9)),
]
"""Tokens that it writes; the first ends a sequence."""


class ScriptedVllm(SeededEngine):
    def __init__(
        self, folder: Path, settings: DecodingSettings, _: Any, __: int, ends: tuple[int, ...]
    ) -> None:
        self.texts = Texts(load_tokenizer(folder))
        script = random_script(settings.seed, len(WORDS), 0, (), ties=False)
        super().__init__(script, frozenset(ends), sys.maxsize)
