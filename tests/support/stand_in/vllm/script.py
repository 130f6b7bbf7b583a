"""A made-up model over the real tokenizer: some words, then an answer, often the right one."""

from __future__ import annotations

import math
import random
import re
from functools import cache
from pathlib import Path

from tokenizers import Tokenizer

TOP = 20
WORDS = (" so", " we", " now", " then", " add", " get", " have", " see", " know", " first")
FILLERS = tuple(f" {letter}" for letter in "abcdefghijklmnopqrstuvwxyz")
BEFORE_ANSWERS = ("Solution:", "<|im_start|>assistant\n")
END = "<|im_end|>"
WEIGHTS = ((40, 30, 20, 10), (96, 2, 1, 1))
"""Of a word: an open choice, and one that is as good as made."""


class Script:
    """The next token's distribution is a function of all tokens so far."""

    def __init__(self, folder: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._before = [self.encode(text) for text in BEFORE_ANSWERS]
        self._positions = cache(self._positions_of)

    def decode(self, token_ids: list[int]) -> str:
        return str(self._tokenizer.decode(token_ids, skip_special_tokens=False))

    def encode(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def top(self, token_ids: list[int]) -> tuple[list[int], list[float]]:
        """The 20 most likely tokens and the logarithms (nats) of their probabilities, in order."""
        begin = len(token_ids)
        while begin > 0 and not any(token_ids[begin - len(m) : begin] == m for m in self._before):
            begin -= 1
        positions = self._positions(self.decode(token_ids[:begin]))
        return positions[min(len(token_ids) - begin, len(positions) - 1)]

    def _positions_of(self, prompt: str) -> list[tuple[list[int], list[float]]]:
        chance = random.Random(prompt)
        problem = prompt.rpartition("Problem:")[2]
        numbers = [int(text) for text in re.findall(r"\d+", problem)]
        first, second = (*numbers, 6, 9)[:2]
        answer = first + second if "+" in problem else first * second
        words = [
            dict(zip(chance.sample(WORDS, 4), chance.choice(WEIGHTS), strict=True))
            for _ in range(chance.randrange(3, 12))
        ]
        sure = chance.choice([90, 27, 9])
        digits = [
            {digit: sure if digit == right else 3 for digit in "0123456789"}
            for right in str(answer)
        ]
        before = [{text: 1} for text in (" The", " answer", " is", " \\", "box", "ed", "{")]
        return [self._top(p) for p in [*words, *before, *digits, {"}.": 1}, {"\n": 1}, {END: 1}]]

    def _top(self, weights: dict[str, int]) -> tuple[list[int], list[float]]:
        likely = sorted(weights, key=lambda text: -weights[text])
        texts = likely + [text for text in FILLERS if text not in weights][: TOP - len(likely)]
        total = sum(weights.values()) + 1e-6
        logs = [math.log(weights.get(text, 1e-6 / TOP) / total) for text in texts]
        return [self.encode(text)[0] for text in texts], logs
