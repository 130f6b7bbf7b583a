"""evalplus's rules of comparison, without a container."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import pytest

from eager.sandbox.checker import ExpectedSet, Reply, SetCheck
from eager.sandbox.guest import codec, protocol
from eager.sandbox.settings import SandboxSettings
from eager.sandbox.tasks import CodeTask


def expect(
    *values: Any,
    entry_point: str = "f",
    suite: Literal["humaneval", "mbpp", "other"] = "other",
    atol: float = 0.0,
    inputs: tuple[Any, ...] = (),
) -> ExpectedSet:
    """Expected outputs as a reference would have answered them."""
    task = CodeTask(
        task_id="t/0", prompt="", entry_point=entry_point, canonical_solution="", atol=atol,
        base_inputs=inputs or tuple([] for _ in values), plus_inputs=(), suite=suite,
    )  # fmt: skip
    replies = [reply(value) for value in values]
    return ExpectedSet.build(task, "base", replies, [0.0] * len(values), SandboxSettings())


def reply(value: Any) -> Reply:
    """A value as the harness answers it."""
    kind = protocol.VALUE if codec.is_exact(value) else protocol.LIKENESS
    return Reply(kind, codec.encode(value))


class Integer(int):
    """An honest subclass."""


@pytest.mark.parametrize(
    ("expected", "answer", "passes"),
    [
        (5, 5, True),
        (5, 5.0, True),
        (5, Integer(5), True),
        (5, True, False),
        (1, True, True),
        ([1, 2], [1, 2], True),
        ([1, 2], (1, 2), False),
        ([1, 2], [1, 2, 3], False),
        ((1, 2), (1, 2), True),
        ({1, 2}, {2, 1}, True),
        ({"a": 1}, {"a": 1.0}, True),
        ("a", "a", True),
        ("a", b"a", False),
        (None, None, True),
        (None, 0, False),
        (1.5, 1.5 + 1e-7, True),
        (1.5, 1.5 + 1e-5, False),
        (1.5, np.float64(1.5), True),
        (1.5, np.float64(1.5 + 1e-7), False),
        (2.0, 2, True),
        (0.1, np.float32(0.1), True),
        (0.25, Fraction(1, 4), True),
        (0.25, Decimal("0.25"), True),
        ([1.5, 2.5], [1.5 + 1e-7, 2.5], True),
        ([1.5, 2.5], [2.5, 1.5], False),
        ([1.5, 2.5], [1.5 + 1e-7], False),
        ([1.5], "a", False),
        (7.5, np.array(7.5), True),
        ([1, 2], np.array([1, 2]), False),
        (math.nan, math.nan, False),
        (math.inf, math.inf, True),
        (1.0, object(), False),
        ([1], [object()], False),
    ],
)
def test_general_rules(expected: Any, answer: Any, passes: bool) -> None:
    assert expect(expected).accepts(0, reply(answer)) is passes


def test_a_tolerance_once_raised_stays() -> None:
    answers = expect("a", 1.5, [1, 2.25])
    assert answers.tolerances == (0.0, 0.0, 1e-6, 1e-6)
    assert answers.accepts(2, reply([1, 2.25 + 1e-7]))


def test_find_zero_is_evaluated_by_the_polynomial() -> None:
    coefficients = [[-1, 0, 1]]
    answers = expect(
        1.0, entry_point="find_zero", suite="humaneval", atol=1e-4, inputs=(coefficients,)
    )
    assert answers.accepts(0, reply(-1.00001))
    assert not answers.accepts(0, reply(1.001))
    assert not answers.accepts(0, reply("x"))
    assert not answers.accepts(0, reply(10**400))


@pytest.mark.parametrize(
    ("entry_point", "expected", "arguments", "answer", "passes"),
    [
        ("are_equivalent", True, [1, 2], False, True),
        ("sum_div", 7, [6], 0, True),
        ("sum_div", 7, [6], 1, False),
        ("surface_Area", 99, [3, 4], 35, True),
        ("surface_Area", 99, [3, 4], 34, False),
        ("digit_distance_nums", 0, [123, 256], 7, True),
        ("similar_elements", (3, 4), [], [4, 3, 3], True),
        ("similar_elements", (3, 4), [], [4], False),
        ("similar_elements", (3, 4), [], np.array([4, 3]), True),
        ("check_str", True, ["a"], object(), True),
        ("check_str", True, ["a"], None, False),
        ("check_str", True, ["a"], False, False),
        ("check_str", False, ["a"], None, True),
    ],
)
def test_mbpp_oracles(
    entry_point: str, expected: Any, arguments: list[Any], answer: Any, passes: bool
) -> None:
    answers = expect(expected, entry_point=entry_point, suite="mbpp", inputs=(arguments,))
    assert answers.accepts(0, reply(answer)) is passes


def test_oracles_belong_to_their_data_set() -> None:
    assert not expect(7, entry_point="sum_div", inputs=([6],)).accepts(0, reply(0))


def test_answers_that_would_fill_memory_are_refused() -> None:
    numbers = [1.0] * 5000
    # Broadcast against each other these are twenty-five million numbers, all of them close.
    assert not expect(numbers).accepts(0, reply([[one + 1e-9] for one in numbers]))
    assert not expect(numbers).accepts(0, reply(np.zeros((100_000, 1))))
    assert not expect(1).accepts(0, Reply(protocol.VALUE, b"[" + b"1," * 100_000 + b"1]"))


def test_limits_are_evalplus_s() -> None:
    task = CodeTask(
        task_id="t/0", prompt="", entry_point="f", canonical_solution="",
        base_inputs=([], []), plus_inputs=(),
    )  # fmt: skip
    answers = ExpectedSet.build(task, "base", [reply(1)] * 2, [0.1, 0.5], SandboxSettings())
    assert answers.limits == (1.0, 2.0)
    assert answers.total_seconds == 5.0
    many = ExpectedSet.build(task, "base", [reply(1)] * 100, [0.1] * 100, SandboxSettings())
    assert many.total_seconds == 62.0


def test_a_run_is_followed_to_its_first_failure() -> None:
    check = SetCheck(expect(1, 2, 3))
    assert check.take(protocol.VALUE, b"1")
    assert not check.take(protocol.VALUE, b"1")
    assert (check.status, check.detail, check.complete) == ("wrong", "base test 1", False)


def test_more_replies_than_tests_are_wrong() -> None:
    check = SetCheck(expect(1))
    assert check.take(protocol.VALUE, b"1")
    assert check.complete
    assert not check.take(protocol.VALUE, b"1")
    assert not check.complete


@pytest.mark.parametrize(
    ("name", "status"),
    [(b"MemoryError", "memory"), (b"TimeLimit", "timeout"), (b"\x1b[31mok", "exception")],
)
def test_exceptions_name_their_status(name: bytes, status: str) -> None:
    check = SetCheck(expect(1))
    assert not check.take(protocol.RAISED, name)
    assert check.status == status
    assert "\x1b" not in check.detail
