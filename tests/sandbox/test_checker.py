"""evalplus's rules of comparison, without a container."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eager.sandbox.checker import ExpectedSet, Reply, SetCheck, passes
from eager.sandbox.comparing import Checker, read_question, write_question
from eager.sandbox.guest import codec, protocol
from eager.sandbox.settings import SandboxSettings
from eager.sandbox.tasks import CodeTask
from eager.util.errors import EagerError


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


def shape(value: Any) -> Any:
    """Types, lengths and keys of a value all the way down, without its numbers."""
    if isinstance(value, (bool, int, float, complex, Fraction, Decimal, np.generic)):
        return "number"
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [shape(part) for part in value]
    if isinstance(value, dict):
        return "dict", sorted((repr(key), shape(part)) for key, part in value.items())
    if isinstance(value, np.ndarray):
        return "array", value.shape
    return "set" if isinstance(value, frozenset) else type(value).__name__


FLOATS = st.sampled_from([0.0, 1.5, 1.5 + 1e-9, math.nan, math.inf])
ARRAYS = st.sampled_from(
    [np.zeros((0, 1)), np.zeros((0,)), np.array([1.5]), np.array([[1.5]]), np.full((2, 1), 1.5),
     np.broadcast_to(1.5, (3,)), np.array([True]), np.zeros((2, 0, 3), dtype=np.int8)]
)  # fmt: skip
SINGLE = FLOATS | ARRAYS | st.sampled_from(
    [np.float32(1.5), np.int64(0), np.bool_(True), np.complex64(1.5), True, 0, None, "", "a", b"",
     Fraction(3, 2), Decimal("1.5"), np.ma.masked, np.ma.masked_all(2), range(0), range(1),
     np.array([], dtype=object), np.zeros(2, dtype=[("a", float)]), {}.values(), iter(()), object(),
     frozenset(), set(), bytearray()]
)  # fmt: skip
ANSWERS = st.recursive(
    SINGLE,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.sampled_from(["a", 0, 1.5]), inner, max_size=2)
    ),
    max_leaves=5,
)
WANTED = st.recursive(
    FLOATS | st.sampled_from([0, True, None, "a", b"", Fraction(3, 2), frozenset()]),
    lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple),
    max_leaves=5,
)


@given(WANTED, ANSWERS, st.sampled_from([0.0, 1e-6]))
def test_nothing_passes_that_has_another_form(expected: Any, answer: Any, atol: float) -> None:
    """Whatever is compared has the same types, lengths and keys, and no array is stretched."""
    if expect(expected, atol=atol).accepts(0, reply(answer)):
        assert shape(answer) == shape(expected)


@given(WANTED | ANSWERS)
def test_only_what_equals_itself_passes_unread(value: Any) -> None:
    """The short way for the very bytes that are expected says what comparing them would."""
    expected = expect(value)
    assert expected.accepts(0, reply(value)) == passes(expected.question(0, reply(value)))


def test_a_question_crosses_to_the_checker_s_process() -> None:
    question = expect([1.5], inputs=(["\xe9"],)).question(0, Reply(b"?", bytes(range(256))))
    assert read_question(write_question(question)) == question


def test_a_costly_output_ends_the_checker_and_not_the_evaluation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its size is the reason, so that it is a wrong one; another end is no verdict."""
    checker = Checker()
    try:
        right = expect(1.5).question(0, reply(1.5 + 1e-9))
        assert checker.compare(right)
        # Half of the hashes are the same, which the codec allows; a set of them takes hours.
        prime = (1 << 61) - 1
        keys = [f'{{"i":"{k * prime:x}"}}' for k in range(1, 200_000)] + [*map(str, range(200_000))]
        costly = Reply(protocol.VALUE, f'{{"s":[{",".join(keys)}]}}'.encode())
        assert not checker.compare(replace(right, reply=costly))
        assert checker.compare(right)
        assert checker._process is not None
        checker._process.kill()
        assert checker.compare(right), "another process answers"
        monkeypatch.setattr(sys, "executable", "false")
        checker._process.kill()
        with pytest.raises(EagerError, match="no verdict"):
            checker.compare(right)
    finally:
        checker.close()


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
