"""Whether two texts mean the same in mathematics: limits first, then math-verify in a process.

Model text is parsed, never evaluated, and never in this process: the process that reads it has a
limit of time and memory, and its end counts as an answer ("not equal").
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from functools import cache, lru_cache
from itertools import accumulate
from pathlib import Path

from eager.evaluation.answers import math_worker as comparing

LONGEST_TEXT = 500
"""Characters above which a text is not compared; whole replies are shortened before."""
DEEPEST_NESTING = 12
EXPLOSIVE = re.compile(
    r"\^\s*[{(]*\s*-?\d+\s*[})]*\s*\^"  # a tower of powers
    r"|\^\s*[{(]*\s*-?\d{6,}"  # a power with a huge exponent
    r"|\d{5,}\s*!|!\s*!|\)\s*!"  # a factorial of something huge
)


SMALL_FACTORIAL = re.compile(r"\((?:[a-z]|\d{1,3}|\d{0,2}[a-z]\s*[-+]\s*\d{1,3})\)\s*!")
LOST = re.compile(r"\d\s*(?:\)?\s*_|')")
"""Digits with a subscript or a prime, which math-verify does not read."""


def is_comparable(text: str) -> bool:
    """Whether a text is short, flat and harmless enough to be worth a symbolic comparison."""
    if not text.strip() or len(text) > LONGEST_TEXT or LOST.search(text):
        return False
    if EXPLOSIVE.search(SMALL_FACTORIAL.sub("", text)):
        return False
    steps = ((character in "({[") - (character in ")}]") for character in text)
    return max(accumulate(steps)) <= DEEPEST_NESTING


def is_symbolically_equal(answer: str, target: str) -> bool:
    """Whether math-verify holds two texts equal; False as well where one is not comparable."""
    if not (is_comparable(answer) and is_comparable(target)):
        return False
    if not (_is_bounded(answer) and _is_bounded(target)):
        return False
    return _process().compare(answer, target) is True


@lru_cache(maxsize=100_000)
def _is_bounded(text: str) -> bool:
    """Whether a text survives a comparison with a plain number.

    In a vote every answer is compared with every other one: a text that uses up the limits does so
    once.
    """
    return _process().compare(text, "1") is not None


class ComparisonProcess:
    """A running `eager.evaluation.answers.math_worker`, asked one comparison at a time."""

    def __init__(self) -> None:
        package_root = str(Path(__file__).parents[2])
        paths = [package_root, os.environ.get("PYTHONPATH", "")]
        # The hash seed orders sympy's terms: a verdict must not change from run to run.
        environment = {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONHASHSEED": "0"}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", comparing.__name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | environment,
        )
        self._number = 0

    def compare(self, answer: str, target: str) -> bool | None:
        """One comparison; None if it used up its time or memory.

        Raises:
            RuntimeError: the process itself has ended, not only a comparison in it.
        """
        assert self._process.stdin is not None  # both are pipes
        assert self._process.stdout is not None
        self._number += 1
        request = json.dumps([self._number, answer, target]) + "\n"
        self._process.stdin.write(request.encode())
        self._process.stdin.flush()
        while line := self._process.stdout.readline():
            number, equal = json.loads(line)
            if number is None:
                return None
            if number == self._number:
                return bool(equal)
        raise RuntimeError(
            f"the process that compares answers ended with code {self._process.wait()}"
        )

    def close(self) -> None:
        """End the process and wait for it."""
        self._process.communicate()


def end_comparisons() -> None:
    """End the process of this program, if it runs; the next comparison starts another."""
    if _process.cache_info().currsize:
        _process().close()
        _process.cache_clear()


@cache
def _process() -> ComparisonProcess:
    return ComparisonProcess()
