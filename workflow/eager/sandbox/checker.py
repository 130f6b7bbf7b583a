"""Compares outputs with expected outputs, outside the container, by evalplus 0.3.1's rules."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from eager.sandbox.evalplus_rules import rules
from eager.sandbox.guest import codec, protocol
from eager.sandbox.guest.codec import CodecError, Opaque
from eager.sandbox.settings import SandboxSettings
from eager.sandbox.tasks import CodeTask, SetName, Status

# evalplus gives a list of floats this tolerance when its task names none.
FLOAT_TOLERANCE = 1e-6
RELATIVE_TOLERANCE = 1e-7
# Right answers are about as long as the expected ones; only the digits of floats may differ.
REPLY_BYTES_SPARE = 1 << 16
REPLY_BYTES_FACTOR = 32
# Broadcasting an answer against the expected one must not fill the memory of the checker.
MAX_BROADCAST = 10_000_000
MAX_SET_ELEMENTS = 5_000
# evalplus waits this much longer than the sum of the time limits.
SPARE_SECONDS = 2.0


@dataclass(frozen=True)
class Reply:
    """One output as it came out of the container."""

    kind: bytes
    payload: bytes

    @property
    def exact(self) -> bool:
        """Whether the value had exactly the builtin type it decodes to."""
        return self.kind == protocol.VALUE


@dataclass(frozen=True)
class ExpectedSet:
    """What a right solution of a task answers to one set of inputs, and in which time."""

    task: CodeTask
    name: SetName
    replies: tuple[Reply, ...]
    limits: tuple[float, ...]
    # The tolerance before the first test, and after each.
    tolerances: tuple[float, ...]
    total_seconds: float
    output_bytes: int
    # Whether the reference's own output passes, found out when first needed.
    own_passes: dict[int, bool] = field(default_factory=dict)

    @classmethod
    def build(
        cls,
        task: CodeTask,
        name: SetName,
        replies: Sequence[Reply],
        seconds: Sequence[float],
        settings: SandboxSettings,
    ) -> ExpectedSet:
        """From the reference solution's replies and times."""
        limits = tuple(
            max(settings.min_time_limit, settings.time_limit_factor * taken) for taken in seconds
        )
        tolerances = [task.atol]
        for reply in replies:
            # Once raised it stays raised for the rest of the set.
            raises = tolerances[-1] == 0 and rules().is_floats(codec.decode(reply.payload))
            tolerances.append(FLOAT_TOLERANCE if raises else tolerances[-1])
        total = min(settings.max_total_seconds, sum(limits)) + SPARE_SECONDS
        size = sum(protocol.HEADER.size + len(reply.payload) for reply in replies)
        output = settings.output_bytes + 2 * size
        return cls(task, name, tuple(replies), limits, tuple(tolerances), total, output)

    def accepts(self, index: int, reply: Reply) -> bool:
        """Whether an output passes test `index`."""
        expected = self.replies[index]
        if reply == expected:
            # The same bytes are the same value: no need to decode hundreds of thousands of them.
            if index not in self.own_passes:
                value = codec.decode(reply.payload)
                self.own_passes[index] = self._compare(index, value, reply)
            return self.own_passes[index]
        if len(reply.payload) > REPLY_BYTES_SPARE + REPLY_BYTES_FACTOR * len(expected.payload):
            return False
        try:
            value = codec.decode(reply.payload)
        except CodecError:
            return False
        return self._compare(index, value, reply)

    def _compare(self, index: int, value: Any, reply: Reply) -> bool:
        own = self.replies[index]
        expected = codec.decode(own.payload)
        same_type = reply.kind == own.kind and type(value) is type(expected)
        arguments = self.task.inputs(self.name)[index]
        try:
            return _passes(
                self.task, arguments, value, reply.exact, expected, same_type,
                self.tolerances[index : index + 2],
            )  # fmt: skip
        except Exception:
            # As in evalplus, an output that cannot be compared is a wrong one.
            return False


def _passes(
    task: CodeTask,
    arguments: Sequence[Any],
    value: Any,
    exact: bool,
    expected: Any,
    same_type: bool,
    tolerances: tuple[float, ...],
) -> bool:
    before, tolerance = tolerances
    if task.suite == "humaneval" and task.entry_point == "find_zero":
        return bool(abs(rules().poly(*arguments, value)) <= before)
    if task.suite == "mbpp" and task.entry_point in rules().set_entry_points:
        if len(value) > max(MAX_SET_ELEMENTS, 4 * len(expected)):
            return False
        equal: Any = set(value) == set(expected)
    elif isinstance(getattr(value, "size", 1), int) and getattr(value, "size", 1) != 1:
        # An array of another size than one has no truth value, so evalplus fails it.
        return False
    else:
        equal = value == expected
        if task.suite == "mbpp":
            equal = _mbpp_oracle(task, arguments, value, exact, expected, equal, before)
    if equal or tolerance == 0:
        return bool(equal)
    return same_type and _is_close(value, expected, tolerance)


def _mbpp_oracle(
    task: CodeTask,
    arguments: Sequence[Any],
    value: Any,
    exact: bool,
    expected: Any,
    equal: Any,
    tolerance: float,
) -> Any:
    name = task.entry_point
    if name == "are_equivalent":
        return True
    if name == "sum_div":
        return equal or value == 0
    if name == "surface_Area":
        return equal or abs(value - rules().surface_area(*arguments)) <= tolerance
    if name == "digit_distance_nums":
        return equal or value == rules().digit_distance(*arguments)
    if name in rules().not_none_entry_points:
        return equal if exact and isinstance(value, bool) else expected == (value is not None)
    return equal


def _is_close(value: Any, expected: Any, tolerance: float) -> bool:
    import numpy

    if isinstance(expected, (list, tuple)) and len(value) != len(expected):
        return False
    shape = numpy.broadcast_shapes(numpy.shape(value), numpy.shape(expected))
    if math.prod(shape) > MAX_BROADCAST:
        return False
    return bool(numpy.allclose(value, expected, rtol=RELATIVE_TOLERANCE, atol=tolerance))


@dataclass
class SetCheck:
    """Follows one run: takes replies in their order and remembers the first failure."""

    expected: ExpectedSet
    passed_tests: int = 0
    status: Status | None = None
    detail: str = ""

    @property
    def complete(self) -> bool:
        """Whether every test has passed."""
        return self.status is None and self.passed_tests == len(self.expected.replies)

    def take(self, kind: bytes, payload: bytes) -> bool:
        """Evaluate the next reply; False when the run need not go on."""
        test = self.passed_tests
        if kind == protocol.RAISED:
            self._raised(payload)
        elif kind not in (protocol.VALUE, protocol.LIKENESS):
            self.status, self.detail = "wrong", "malformed reply"
        elif test >= len(self.expected.replies):
            self.status, self.detail = "wrong", "more replies than tests"
        elif self.expected.accepts(test, Reply(kind, payload)):
            self.passed_tests += 1
        else:
            self.status, self.detail = "wrong", f"{self.expected.name} test {test}"
        return self.status is None

    def _raised(self, payload: bytes) -> None:
        name = re.sub(r"[^\w.]", "?", payload[:80].decode("ascii", "replace"))
        statuses: dict[str, Status] = {"MemoryError": "memory", "TimeLimit": "timeout"}
        self.status = statuses.get(name, "exception")
        self.detail = f"{name}, {self.expected.name} test {self.passed_tests}"


def not_none(value: Any) -> bool:
    """What evalplus keeps of a reference output whose value cannot be stored."""
    return value is not None


def is_comparable(value: Any) -> bool:
    """Whether a reference output can be compared at all: nothing in it is without a plain form."""
    if isinstance(value, Opaque):
        return False
    if isinstance(value, dict):
        return all(is_comparable(part) for pair in value.items() for part in pair)
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(map(is_comparable, value))
    return True
