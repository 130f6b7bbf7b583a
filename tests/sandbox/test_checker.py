"""evalplus's rules of comparison, without a container."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eager.sandbox.checker import ExpectedSet, Reply, SetCheck, passes
from eager.sandbox.comparing import Checker, read_question, write_question
from eager.sandbox.guest import codec, protocol
from eager.sandbox.settings import SandboxSettings
from eager.sandbox.tasks import CodeTask
from eager.util.errors import EagerError


def expect(
    *values: Any, name: str = "f", suite: str = "other", atol: float = 0.0,
    arguments: Any = (), seconds: float = 0.0,
) -> ExpectedSet:  # fmt: skip
    """Expected outputs as a reference would have answered them, each after so many seconds."""
    fields = {
        "task_id": "t/0", "prompt": "", "entry_point": name, "canonical_solution": "",
        "atol": atol, "base_inputs": [arguments] * len(values), "plus_inputs": (), "suite": suite,
    }  # fmt: skip
    task, replies = CodeTask.model_validate(fields), [reply(value) for value in values]
    return ExpectedSet.build(task, "base", replies, [seconds] * len(values), SandboxSettings())


def reply(value: Any) -> Reply:
    """A value as the harness answers it."""
    kind = protocol.VALUE if codec.is_exact(value) else protocol.LIKENESS
    return Reply(kind, codec.encode(value))


class Integer(int):
    """An honest subclass."""


@pytest.mark.parametrize(
    ("expected", "answer", "right"),
    [
        (5, 5.0, True),
        (5, Integer(5), True),
        (5, True, False),
        (1, True, True),
        ([1, 2], (1, 2), False),
        ([1, 2], [1, 2, 3], False),
        ((1, 2), (1, 2), True),
        ({1, 2}, {2, 1}, True),
        ({"a": 1}, {"a": 1.0}, True),
        ("a", b"a", False),
        (None, 0, False),
        (1.5, 1.5 + 1e-7, True),
        (1.5, 1.5 + 1e-5, False),
        (1.5, np.float64(1.5), True),
        (1.5, np.float64(1.5 + 1e-7), False),
        (0.1, np.float32(0.1), True),
        (0.25, Fraction(1, 4), True),
        (0.25, Decimal("0.25"), True),
        ([1.5, 2.5], [1.5 + 1e-7, 2.5], True),
        ([1.5, 2.5], [1.5 + 1e-7], False),
        (7.5, np.array(7.5), True),
        ([1, 2], np.array([1, 2]), False),
        (math.nan, math.nan, False),
        (math.inf, math.inf, True),
        ([1], [object()], False),
        # Broadcast against each other these are twenty-five million numbers, all of them close.
        ([1.0] * 5000, [[1 + 1e-9]] * 5000, False),
        ([1.0] * 5000, np.zeros((100_000, 1)), False),
    ],
)
def test_general_rules(expected: Any, answer: Any, right: bool) -> None:
    assert expect(expected).accepts(0, reply(answer)) is right


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


@pytest.fixture
def checker() -> Iterator[Checker]:
    one = Checker()
    yield one
    one.close()


def test_a_checker_that_ends_is_replaced_and_without_one_there_is_no_verdict(
    checker: Checker, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = expect(1.5, arguments=["\xe9"]).question(0, reply(1.5 + 1e-9))
    assert read_question(write_question(right)) == right
    for executable in (sys.executable, sys.executable, "false"):
        monkeypatch.setattr(sys, "executable", executable)
        if executable == "false":
            with pytest.raises(EagerError, match="no verdict"):
                checker.compare(right)
        else:
            assert checker.compare(right)
            assert checker._process is not None
            checker._process.kill()


@pytest.mark.long
def test_a_costly_output_is_wrong_and_the_evaluation_goes_on(checker: Checker) -> None:
    # Half of the hashes are the same, which the codec allows; a set of them takes hours.
    prime = (1 << 61) - 1
    keys = [f'{{"i":"{k * prime:x}"}}' for k in range(1, 200_000)] + [*map(str, range(200_000))]
    costly = Reply(protocol.VALUE, f'{{"s":[{",".join(keys)}]}}'.encode())
    right = expect(1.5).question(0, reply(1.5 + 1e-9))
    assert not checker.compare(replace(right, reply=costly))
    assert checker.compare(right)


def test_a_reply_that_is_much_longer_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = expect(1)
    monkeypatch.setattr(codec, "decode", lambda _: pytest.fail("it was decoded"))
    assert not expected.accepts(0, Reply(protocol.VALUE, b"[" + b"1," * 100_000 + b"1]"))
    assert not expected.accepts(0, Reply(protocol.VALUE, b'"' + b"1" * 100_000 + b'"'))


def test_a_tolerance_once_raised_stays() -> None:
    answers = expect("a", 1.5, [1, 2.25])
    assert answers.tolerances == (0.0, 0.0, 1e-6, 1e-6)
    assert answers.accepts(2, reply([1, 2.25 + 1e-7]))


@pytest.mark.parametrize(
    ("suite", "name", "expected", "arguments", "answer", "right"),
    [
        ("humaneval", "find_zero", 1.0, [[-1, 0, 1]], -1.00001, True),
        ("humaneval", "find_zero", 1.0, [[-1, 0, 1]], 1.001, False),
        ("humaneval", "find_zero", 1.0, [[-1, 0, 1]], "x", False),
        ("humaneval", "find_zero", 1.0, [[-1, 0, 1]], 10**400, False),
        ("mbpp", "are_equivalent", True, [1, 2], False, True),
        ("mbpp", "sum_div", 7, [6], 0, True),
        ("mbpp", "sum_div", 7, [6], 1, False),
        ("other", "sum_div", 7, [6], 0, False),
        ("mbpp", "surface_Area", 99, [3, 4], 35, True),
        ("mbpp", "surface_Area", 99, [3, 4], 34, False),
        ("mbpp", "digit_distance_nums", 0, [123, 256], 7, True),
        ("mbpp", "similar_elements", (3, 4), [], [4, 3, 3], True),
        ("mbpp", "similar_elements", (3, 4), [], [4], False),
        ("mbpp", "similar_elements", (3, 4), [], np.array([4, 3]), True),
        ("mbpp", "check_str", True, ["a"], object(), True),
        ("mbpp", "check_str", True, ["a"], None, False),
        ("mbpp", "check_str", True, ["a"], False, False),
        ("mbpp", "check_str", False, ["a"], None, True),
    ],
)
def test_oracles_of_single_tasks(
    suite: str, name: str, expected: Any, arguments: list[Any], answer: Any, right: bool
) -> None:
    atol = 1e-4 if name == "find_zero" else 0.0
    answers = expect(expected, name=name, suite=suite, arguments=arguments, atol=atol)
    assert answers.accepts(0, reply(answer)) is right


def test_limits_are_evalplus_s() -> None:
    assert expect(1, 1, seconds=0.1).limits == (1.0, 1.0)
    assert expect(1, 1, seconds=0.5).limits == (2.0, 2.0)
    assert expect(1, 1, seconds=0.5).total_seconds == 6.0
    assert expect(*[1] * 100, seconds=0.1).total_seconds == 62.0


def test_a_run_is_followed_to_its_first_failure() -> None:
    check = SetCheck(expect(1, 2, 3))
    assert check.take(protocol.VALUE, b"1")
    assert not check.take(protocol.VALUE, b"1")
    assert (check.status, check.detail, check.complete) == ("wrong", "base test 1", False)
    # A right program and a wrong one: neither can pass what the reference fails itself.
    for expected in (math.nan, [1, [math.nan]], np.array([1, 2]), {"a": np.array([1.5])}):
        for answer in (expected, 5):
            check, said = SetCheck(expect(expected)), reply(answer)
            assert not check.take(said.kind, said.payload)
            assert check.detail == "base test 0, which the reference's own output fails"
    check = SetCheck(expect(1))
    assert check.take(protocol.VALUE, b"1")
    assert check.complete
    assert not check.take(protocol.VALUE, b"1"), "one reply more than tests"
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


@example(314159, np.float16)  # the hash of infinity
@given(
    st.integers(-(10**40), 10**40) | st.integers(-(2**54), 2**54),
    st.sampled_from([np.float16, np.float32, np.float64, np.complex64]),
)
def test_an_integer_is_met_exactly_by_a_float_of_any_kind(number: int, kind: Any) -> None:
    """numpy would round the integer first: in float32 a billion equals 1,000,000,007."""
    with np.errstate(over="ignore"):
        rounded = kind(number)
    exact = rounded.item() == number
    assert expect(number).accepts(0, reply(rounded)) == exact
    assert expect([0, number]).accepts(0, reply([0, rounded])) == exact
    assert expect({0.5, number}).accepts(0, reply({0.5, rounded})) == exact
    assert expect({(number,): 0}).accepts(0, reply({(rounded,): 0})) == exact


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.complex64])
@pytest.mark.parametrize("expected", [float("inf"), float("-inf")])
def test_infinity_is_met_by_the_same_infinity_and_nothing_else(kind: Any, expected: float) -> None:
    with np.errstate(over="ignore"):
        values = [kind(expected), kind(-expected), kind(1e38), kind("nan")]
    assert [expect(expected).accepts(0, reply(value)) for value in values[:2]] == [True, False]
    assert [expect([expected]).accepts(0, reply([value])) for value in values[:2]] == [True, False]
    for value in values[2:]:
        assert expect(expected).accepts(0, reply(value)) == (value == expected)
