"""Runs solutions in a session and says what came of it."""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass, field
from typing import Any

from eager.sandbox.checker import ExpectedSet, Reply, SetCheck, is_comparable, not_none
from eager.sandbox.evalplus_rules import rules
from eager.sandbox.guest import codec, protocol
from eager.sandbox.session import ContainerDied, RunEnd, RunRequest, Session
from eager.sandbox.settings import SandboxSettings
from eager.sandbox.tasks import SET_NAMES, CodeTask, SetName, Status
from eager.util.errors import EagerError

# A solution whose container died this often is the likely reason.
MAX_DEATHS = 2
REFERENCE_CALL_SECONDS = 120.0
REFERENCE_SECONDS = 600.0
REFERENCE_BYTES = 1 << 30
SANITIZED_MAX_BYTES = 1 << 20


@dataclass(frozen=True)
class SetResult:
    """What came of one set of inputs; `failed_test` is None where no single test is to blame."""

    passed: bool
    status: Status
    detail: str = ""
    failed_test: int | None = None


def send_task(session: Session, task: CodeTask) -> None:
    """Make `task` the task of the following runs."""
    session.set_task({name: task.encoded_inputs[name].decode() for name in SET_NAMES})


def run_set(session: Session, expected: ExpectedSet, solution: str) -> SetResult:
    """Run a solution on one set of inputs of the session's task.

    Raises:
        EagerError: no container can be started.
    """
    request = RunRequest(
        entry_point=expected.task.entry_point,
        code=solution.encode(errors="replace"),
        inputs=expected.name,
        limits=expected.limits,
        total_seconds=expected.total_seconds,
        output_bytes=expected.output_bytes,
    )
    for _ in range(MAX_DEATHS):
        check = SetCheck(expected)
        try:
            end = session.run(request, check.take)
        except ContainerDied as error:
            last_words = str(error)
            continue
        return _result(check, end)
    return SetResult(False, "crashed", f"its container died {MAX_DEATHS} times ({last_words})")


def _result(check: SetCheck, end: RunEnd) -> SetResult:
    if check.complete:
        return SetResult(True, "ok")
    where = f"{check.expected.name} test {check.passed_tests}" if end.loaded else "while loading"
    test = check.passed_tests if end.loaded else None
    if check.status is not None:
        detail = check.detail if end.loaded else check.detail.split(",")[0] + " while loading"
        return SetResult(False, check.status, detail, test)
    if end.reason == "timeout":
        return SetResult(False, "timeout", where, test)
    if end.reason == "output":
        return SetResult(False, "output", f"too much output, {where}", test)
    if end.signal:
        cause = signal.Signals(end.signal).name
        return SetResult(False, "crashed", f"process ended by {cause}, {where}", test)
    return SetResult(False, "crashed", f"process ended with code {end.exit_code}, {where}", test)


@dataclass
class _Recorder:
    """Collects what a reference solution answers."""

    replies: list[Reply] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    problem: str = ""

    def take(self, kind: bytes, payload: bytes) -> bool:
        if kind in (protocol.VALUE, protocol.LIKENESS):
            self.replies.append(Reply(kind, payload))
        elif kind == protocol.SECONDS:
            self.seconds.extend(json.loads(payload))
        else:
            self.problem = payload.decode("ascii", "replace")
        return not self.problem


def run_reference(session: Session, task: CodeTask) -> dict[str, Any]:
    """Run a data set's own solution, in the sandbox like any other; its outputs are the expected.

    Returns:
        JSON: per set the kinds and payloads of the replies and the seconds of each call.

    Raises:
        EagerError: it fails, or returns what cannot be compared; the message names the task.
    """
    send_task(session, task)
    return {name: _reference_set(session, task, name) for name in SET_NAMES}


def _reference_set(session: Session, task: CodeTask, name: SetName) -> dict[str, Any]:
    record = _Recorder()
    count = len(task.inputs(name))
    request = RunRequest(
        entry_point=task.entry_point,
        code=task.reference.encode(),
        inputs=name,
        limits=(REFERENCE_CALL_SECONDS,) * count,
        total_seconds=REFERENCE_SECONDS,
        output_bytes=REFERENCE_BYTES,
        timed=True,
    )
    try:
        end = session.run(request, record.take)
    except ContainerDied as error:
        raise EagerError(
            f"task {task.task_id}: the container died while it ran the reference solution "
            f"({error}); raise the sandbox's memory_bytes, or rerun"
        ) from None
    if len(record.replies) != count or len(record.seconds) != count:
        raise EagerError(
            f"task {task.task_id}: the reference solution failed on its {name} inputs "
            f"({record.problem or end.reason}, test {len(record.replies)}); the data set is "
            "damaged, or does not fit this Python"
        )
    replies = [_kept(task, name, index, reply) for index, reply in enumerate(record.replies)]
    return {
        "kinds": b"".join(reply.kind for reply in replies).decode(),
        "payloads": [reply.payload.decode() for reply in replies],
        "seconds": record.seconds,
    }


def _kept(task: CodeTask, name: SetName, index: int, reply: Reply) -> Reply:
    value = codec.decode(reply.payload)
    if task.suite == "mbpp" and task.entry_point in rules().not_none_entry_points:
        return Reply(protocol.VALUE, codec.encode(not_none(value)))
    if not is_comparable(value):
        raise EagerError(
            f"task {task.task_id}: the reference solution returns for {name} test {index} a value "
            "that has no plain form and cannot be compared; make it return builtin types"
        )
    return reply


def expected_sets(
    task: CodeTask, reference: dict[str, Any], settings: SandboxSettings
) -> dict[SetName, ExpectedSet]:
    """Both sets of expected outputs from what `run_reference` returned."""
    sets: dict[SetName, ExpectedSet] = {}
    for name in SET_NAMES:
        part = reference[name]
        replies = [
            Reply(kind.encode(), payload.encode())
            for kind, payload in zip(part["kinds"], part["payloads"], strict=True)
        ]
        sets[name] = ExpectedSet.build(task, name, replies, part["seconds"], settings)
    return sets


def sanitize(
    session: Session, entry_point: str, text: str, settings: SandboxSettings
) -> tuple[str | None, str]:
    """Find the code in a model's text with evalplus's sanitizer, inside the container.

    Returns:
        The code, or None, and why there is none.

    Raises:
        EagerError: no container can be started.
    """
    found: list[str] = []
    problem = ""

    def take(kind: bytes, payload: bytes) -> bool:
        nonlocal problem
        if kind == protocol.TEXT and len(payload) <= SANITIZED_MAX_BYTES:
            found.append(payload.decode(errors="replace"))
        else:
            problem = "the sanitizer failed on this text"
        return False

    request = RunRequest(
        entry_point=entry_point,
        code=text.encode(errors="replace"),
        total_seconds=settings.sanitize_seconds,
        sanitize=True,
    )
    for _ in range(MAX_DEATHS):
        try:
            end = session.run(request, take)
        except ContainerDied:
            continue
        if found:
            return found[0], ""
        return None, problem or f"the sanitizer ended without an answer ({end.reason})"
    return None, "the container died in the sanitizer"
