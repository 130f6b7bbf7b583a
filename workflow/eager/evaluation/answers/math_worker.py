"""The process that compares mathematical texts with math-verify, and ends where one takes too long.

A signal handler cannot interrupt a huge power: Python runs handlers between instructions, and the
power is one. So each comparison runs under a timer whose signal ends the process (by the kernel),
and a parent that has everything loaded forks the next one. Started by
`eager.evaluation.answers.equivalence` as `python -m eager.evaluation.answers.math_worker`; speaks
JSON lines.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

COMPARISON_SECONDS = 1.0
"""Processor time of one comparison; other programs on the machine do not use it up."""
MEMORY_BYTES = 2 * 2**30
ACCURACY = 1000
"""Digits to which irrational numbers must agree to be equal."""
DELIMITERS = ("$", r"\(", r"\[")


def main() -> None:
    """Answer comparisons until the input ends; a comparison that kills its process is told."""
    logging.disable(logging.CRITICAL)
    _warm_up()
    while True:
        child = os.fork()
        if child == 0:
            _serve()
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0:
            return
        _answer(None, equal=False)


def _serve() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    for line in iter(sys.stdin.buffer.readline, b""):
        number, answer, target = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, COMPARISON_SECONDS)
        equal = compare(answer, target)
        signal.setitimer(signal.ITIMER_PROF, 0)
        _answer(number, equal)


def compare(answer: str, target: str) -> bool:
    """Whether math-verify holds an answer equal to the target; what it cannot read is not."""
    from math_verify import verify

    try:
        return bool(
            verify(
                _parse(target),
                _parse(answer),
                allow_set_relation_comp=True,
                timeout_seconds=None,
            )
        )
    except Exception:  # noqa: BLE001
        # sympy raises nearly everything on odd input, among it MemoryError and AttributeError.
        return False


@lru_cache(maxsize=2000)
def _parse(text: str) -> list[Any]:
    r"""A text as sympy expressions: from its mathematics if it marks any, else all of it.

    Only math-verify's LaTeX reader is used: its reader of plain expressions ends in Python's
    `eval`.
    """
    from math_verify import parse
    from math_verify.parser import LatexExtractionConfig

    if not any(mark in text for mark in DELIMITERS):
        text = f"\\boxed{{{text}}}"
    reader = LatexExtractionConfig(boxed_match_priority=0)
    # It would drop `t`, `m` or `\\mathrm{i}` after a number as units.
    reader = replace(reader, normalization_config=replace(reader.normalization_config, units=False))
    return [_exact(expression) for expression in parse(text, [reader], parsing_timeout=None)]


def _exact(expression: Any) -> Any:
    """An expression with decimals as they were written, not near in binary, and i as imaginary."""
    from sympy import Float, I, Product, Rational, Sum, Symbol
    from sympy.core.basic import Basic
    from sympy.matrices import MatrixBase

    if not isinstance(expression, Basic | MatrixBase):
        return expression
    meant: dict[Any, Any] = {f: Rational(str(f)) for f in expression.atoms(Float)}
    if not expression.has(Sum, Product):
        meant |= {symbol: I for symbol in expression.atoms(Symbol) if symbol.name == "i"}
    return expression.xreplace(meant) if meant else expression


def _equal_numbers(upstream: Callable[..., bool], a: Any, b: Any, *rounding: int) -> bool:
    """Whether two values are equal, exactly: in place of math-verify's rounding to 6 decimals.

    Numbers are equal where their difference is zero; irrational ones, where it is not told from
    zero with `ACCURACY` digits. Expressions with variables are left to simplification.
    """
    from math_verify.grader import get_pct_val, safe_sympy_doit
    from sympy.matrices import MatrixBase, MatrixExpr

    if isinstance(a, MatrixBase | MatrixExpr) or isinstance(b, MatrixBase | MatrixExpr):
        return upstream(a, b, *rounding)  # compares entry by entry and comes back here
    return any(
        _is_zero(safe_sympy_doit(left) - safe_sympy_doit(right))
        for left, right in ((a, b), (get_pct_val(a, a), get_pct_val(b, b)))
    )


def _equal_expressions(upstream: Callable[..., bool], a: Any, b: Any) -> bool:
    """Whether simplification finds two values equal; of numbers it would only say it again."""
    try:
        is_number = not (a - b).free_symbols
    except (AttributeError, TypeError):
        is_number = False  # a matrix, a set
    return not is_number and upstream(a, b)


def _is_zero(difference: Any) -> bool:
    if difference.is_Rational or difference.free_symbols:
        return bool(difference == 0)
    # With few digits sympy takes the logarithm of a number near 1 for 0.
    values = (difference.evalf(digits, maxn=2 * ACCURACY) for digits in (15, ACCURACY))
    return all(_vanishes(value) for value in values)


def _vanishes(value: Any) -> bool:
    """Whether a number is 0 as far as it is known: sympy gives it the bits that it is sure of."""
    parts = value.as_real_imag() if value.is_finite else (None,)
    return all(part == 0 or getattr(part, "_prec", 53) == 1 for part in parts)


def _warm_up() -> None:
    # Tables that the LaTeX reader builds while it reads; children inherit them.
    _compare_exactly()
    compare(r"\frac{1}{2}, \sqrt{3}", r"\left(1, x^2 + 2 \pi\right)")


def _compare_exactly() -> None:
    from math_verify import grader

    grader.sympy_numeric_eq = partial(_equal_numbers, grader.sympy_numeric_eq)
    grader.sympy_symbolic_eq = partial(_equal_expressions, grader.sympy_symbolic_eq)


def _answer(number: int | None, equal: bool) -> None:
    os.write(1, json.dumps([number, equal]).encode() + b"\n")


if __name__ == "__main__":
    main()
