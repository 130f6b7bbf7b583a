"""Compares outputs with expected outputs, outside the container, by evalplus 0.3.1's rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Number
from typing import Any

from eager.sandbox.evalplus_rules import evalplus, oracle
from eager.sandbox.guest import codec, protocol
from eager.sandbox.guest.codec import Opaque
from eager.sandbox.settings import SandboxSettings
from eager.sandbox.tasks import CodeTask, SetName, Status, Suite

REFERENCE_FAILS = ", which the reference's own output fails"
# evalplus gives a list of floats this tolerance when its task names none.
FLOAT_TOLERANCE = 1e-6
RELATIVE_TOLERANCE = 1e-7
# Right answers are about as long as the expected ones and of about as many objects; only the digits
# of floats, and how each number is written, may differ.
REPLY_BYTES_SPARE = 1 << 16
REPLY_BYTES_FACTOR = 32
REPLY_OBJECTS_SPARE = 10_000
REPLY_OBJECTS_FACTOR = 8
# evalplus waits this much longer than the sum of the time limits.
SPARE_SECONDS = 2.0
# Of encoded values: how a list of floats begins; what a value has that may not equal itself.
_BEGINS_WITH_FLOAT = re.compile(rb'({"t":)?\[?(-?\d+[.e]|{"[fa]")')
_UNLIKE_ITSELF = re.compile(rb'{"f":"nan"}|{"[aceo]":')
# Types whose values Python compares with each other, as evalplus does.
_FAMILIES = ((set, frozenset), (str,), (bytes, bytearray), (range,), (type(None),))


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
            raises = tolerances[-1] == 0 and _BEGINS_WITH_FLOAT.match(reply.payload)
            if raises and evalplus("eval").is_floats(codec.decode(reply.payload)):
                tolerances.append(FLOAT_TOLERANCE)
            else:
                tolerances.append(tolerances[-1])
        total = min(settings.max_total_seconds, sum(limits)) + SPARE_SECONDS
        size = sum(protocol.REPLY.size + len(reply.payload) for reply in replies)
        output = settings.output_bytes + 2 * size
        return cls(task, name, tuple(replies), limits, tuple(tolerances), total, output)

    def accepts(self, index: int, reply: Reply, compare: Compare | None = None) -> bool:
        """Whether an output passes test `index`.

        `compare`: says so of an output that is not, byte for byte, the expected one.
        """
        expected = self.replies[index]
        if reply == expected:
            # The same bytes are the same value: no need to decode hundreds of thousands of them.
            if self.task.entry_point != "find_zero" and not _UNLIKE_ITSELF.search(reply.payload):
                return True
            if index not in self.own_passes:
                self.own_passes[index] = passes(self.question(index, reply))
            return self.own_passes[index]
        return not is_larger(reply, expected) and (compare or passes)(self.question(index, reply))

    def question(self, index: int, reply: Reply) -> Question:
        """An output of test `index` beside what is expected."""
        return Question(
            self.task.suite,
            self.task.entry_point,
            self.task.encoded_inputs[self.name][index],
            self.replies[index],
            reply,
            self.tolerances[index : index + 2],
        )


@dataclass(frozen=True)
class Question:
    """One output, and all that decides whether it passes.

    `arguments`: encoded; `tolerances`: before and after evalplus raises them for this test.
    """

    suite: Suite
    entry_point: str
    arguments: bytes
    expected: Reply
    reply: Reply
    tolerances: tuple[float, ...]

    @property
    def inputs(self) -> list[Any]:
        """The arguments of the call."""
        decoded: list[Any] = codec.decode_own(self.arguments)
        return decoded


Compare = Callable[[Question], bool]


def is_larger(reply: Reply, expected: Reply) -> bool:
    """Whether an output is so much larger than the expected one that it cannot be right."""
    most = REPLY_BYTES_SPARE + REPLY_BYTES_FACTOR * len(expected.payload)
    if len(reply.payload) > most:
        return True
    objects = codec.count_objects(expected.payload)
    most = REPLY_OBJECTS_SPARE + REPLY_OBJECTS_FACTOR * objects
    return codec.count_objects(reply.payload) > most


def passes(question: Question) -> bool:
    """Whether an output passes, by evalplus's rules."""
    try:
        value = codec.decode(question.reply.payload)
        expected = codec.decode(question.expected.payload)
        return _passes(question, value, expected)
    except Exception:
        # As in evalplus, an output that cannot be compared is a wrong one.
        return False


def _passes(question: Question, value: Any, expected: Any) -> bool:
    before, tolerance = question.tolerances
    name, mbpp = question.entry_point, question.suite == "mbpp"
    if question.suite == "humaneval" and name == "find_zero":
        return _is_number(value) and bool(abs(oracle()._poly(*question.inputs, value)) <= before)
    if mbpp and name == "are_equivalent":
        return True
    if mbpp and name in oracle().MBPP_OUTPUT_NOT_NONE_TASKS:
        said = value if question.reply.exact and isinstance(value, bool) else value is not None
        return bool(said == expected)
    if mbpp and name in oracle().MBPP_OUTPUT_SET_EQ_TASKS:
        row = (
            isinstance(value, (list, tuple, set, frozenset))
            or len(getattr(value, "shape", ())) == 1
        )
        if row and set(value) == set(expected):
            return True
    if not same_form(value, expected):
        return False
    if equal_in_double(value, expected) and value == expected:
        return True
    if mbpp and _mbpp_oracle(name, question.inputs, value, before):
        return True
    # The outermost type has to be the very same here, and a subclass is not.
    same_type = question.reply.kind == question.expected.kind and type(value) is type(expected)
    return tolerance != 0 and same_type and _is_close(value, expected, tolerance)


def same_form(value: Any, expected: Any) -> bool:
    """Whether type, length and keys are the same all the way down; all numbers are one type.

    Nothing may be compared before: an array is compared element by element with whatever it is
    stretched over, and of no elements all are equal. So an array has the form of nothing.
    """
    kind = type(expected)
    if kind is list or kind is tuple:
        same = type(value) is kind and len(value) == len(expected)
        return same and all(map(same_form, value, expected))
    if kind is dict:
        same = type(value) is dict and value.keys() == expected.keys()
        return same and all(same_form(value[key], part) for key, part in expected.items())
    if _is_number(expected):
        return _is_number(value)
    return any(isinstance(value, family) and kind in family for family in _FAMILIES)


def equal_in_double(value: Any, expected: Any) -> bool:
    """Whether numbers of numpy's floats are equal to what is expected, of the same form.

    numpy compares in one type: every number beyond 65,520 is the infinity of float16, and float32's
    1e9 equals 1,000,000,007. An integer has to be met exactly, as by a float of Python's; rounding
    of float32 is within the tolerance of floats.
    """
    if isinstance(value, list | tuple):
        return all(map(equal_in_double, value, expected))
    if isinstance(value, dict):
        return all(equal_in_double(part, expected[key]) for key, part in value.items())
    if getattr(value, "shape", None) != () or value.dtype.kind not in "fc":
        return True
    number = value.item()
    if isinstance(expected, Integral):
        return bool(number == int(expected))
    # Equal infinities have no difference to compare.
    difference = 0.0 if number == expected else abs(number - expected)
    return bool(difference <= FLOAT_TOLERANCE * max(1, abs(expected)))


def _is_number(value: Any) -> bool:
    """A number of Python's or a scalar of numpy's, which the codec makes of arrays without axes."""
    return isinstance(value, Number) or getattr(value, "shape", None) == ()


def _mbpp_oracle(name: str, arguments: Sequence[Any], value: Any, tolerance: float) -> bool:
    if name == "sum_div":
        return bool(value == 0)
    rules = oracle()
    if name == "surface_Area":
        return bool(abs(value - rules._surface_Area(*arguments)) <= tolerance)
    return name == "digit_distance_nums" and bool(value == rules._digit_distance_nums(*arguments))


def _is_close(value: Any, expected: Any, tolerance: float) -> bool:
    import numpy

    return bool(numpy.allclose(value, expected, rtol=RELATIVE_TOLERANCE, atol=tolerance))


@dataclass
class SetCheck:
    """Follows one run: takes replies in their order and remembers the first failure.

    `no_thread`: the system did not start a thread, which may be the machine's fault.
    """

    expected: ExpectedSet
    compare: Compare | None = None
    passed_tests: int = 0
    status: Status | None = None
    detail: str = ""
    no_thread: bool = False

    @property
    def complete(self) -> bool:
        """Whether every test has passed."""
        return self.status is None and self.passed_tests == len(self.expected.replies)

    def take(self, kind: bytes, payload: bytes) -> bool:
        """Evaluate the next reply; False when the run need not go on."""
        test = self.passed_tests
        if kind == protocol.RAISED:
            self._raised(payload)
        elif test >= len(self.expected.replies):
            self.status, self.detail = "wrong", "more replies than tests"
        elif self.expected.accepts(test, Reply(kind, payload), self.compare):
            self.passed_tests += 1
        else:
            own = self.expected.accepts(test, self.expected.replies[test])
            detail = f"{self.expected.name} test {test}{'' if own else REFERENCE_FAILS}"
            self.status, self.detail = "wrong", detail
        return self.status is None

    def _raised(self, payload: bytes) -> None:
        self.no_thread = payload == protocol.NO_THREAD
        name = re.sub(r"[^\w.]", "?", payload[:80].decode("ascii", "replace"))
        if self.no_thread:
            name = "RuntimeError"
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
