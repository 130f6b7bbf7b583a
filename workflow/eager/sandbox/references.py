"""Reference solutions: run like any other, and what they return is what is expected."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from eager.sandbox.checker import ExpectedSet, Reply, is_comparable, not_none
from eager.sandbox.evalplus_rules import rules
from eager.sandbox.guest import codec, protocol
from eager.sandbox.runner import MAX_DEATHS
from eager.sandbox.session import LOG, ContainerDied, RunRequest, Session
from eager.sandbox.settings import SandboxSettings
from eager.sandbox.tasks import SET_NAMES, CodeTask, SetName
from eager.util.errors import EagerError

REFERENCE_CALL_SECONDS = 120.0
REFERENCE_SECONDS = 600.0
REFERENCE_BYTES = 1 << 30


@dataclass
class _Recorder:
    """Collects what a reference solution answers."""

    replies: list[Reply] = field(default_factory=list)
    problem: str = ""

    def take(self, kind: bytes, payload: bytes) -> bool:
        if kind in (protocol.VALUE, protocol.LIKENESS):
            self.replies.append(Reply(kind, payload))
        else:
            self.problem = payload.decode("ascii", "replace")
        return not self.problem


def run_reference(session: Session, task: CodeTask) -> dict[str, Any]:
    """Run a data set's own solution, in the sandbox like any other; its outputs are the expected.

    Returns:
        JSON: per set the kinds and payloads of the replies and the CPU seconds of each call.

    Raises:
        EagerError: it fails, or returns what cannot be compared; the message names the task.
    """
    session.set_task(
        {
            name: [(REFERENCE_CALL_SECONDS, arguments) for arguments in task.encoded_inputs[name]]
            for name in SET_NAMES
        }
    )
    return {name: _reference_set(session, task, name) for name in SET_NAMES}


def _reference_set(session: Session, task: CodeTask, name: SetName) -> dict[str, Any]:
    count = len(task.inputs(name))
    request = RunRequest(
        entry_point=task.entry_point,
        code=codec.to_bytes(task.reference),
        inputs=name,
        total_seconds=REFERENCE_SECONDS,
        output_bytes=REFERENCE_BYTES,
    )
    problem = ""
    for _ in range(MAX_DEATHS):
        if problem:
            LOG.warning("task %s: the reference solution: %s; trying again", task.task_id, problem)
        record = _Recorder()
        try:
            end = session.run(request, record.take)
        except ContainerDied as error:
            problem = f"its container died: {error}; raise the sandbox's memory_bytes, or rerun"
            continue
        if len(record.replies) == count:
            kept = [_kept(task, name, index, reply) for index, reply in enumerate(record.replies)]
            return {
                "kinds": b"".join(reply.kind for reply in kept).decode(),
                "payloads": [reply.payload.decode() for reply in kept],
                "seconds": list(end.seconds),
            }
        problem = (
            f"{record.problem or end.reason}, test {len(record.replies)}; the data set is damaged, "
            "or does not fit this Python"
        )
    raise EagerError(
        f"task {task.task_id}: the reference solution failed on its {name} inputs ({problem})"
    )


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


def stored_reference(task: CodeTask, value: dict[str, Any]) -> dict[str, Any] | None:
    """What is stored of a reference solution, or None if it is damaged or half."""
    for name in SET_NAMES:
        part = value.get(name)
        if not isinstance(part, dict) or set(part) != {"kinds", "payloads", "seconds"}:
            return None
        count = len(task.inputs(name))
        kinds, payloads, seconds = part["kinds"], part["payloads"], part["seconds"]
        if not (
            isinstance(kinds, str)
            and set(kinds.encode()) <= set(protocol.VALUE + protocol.LIKENESS)
            and isinstance(payloads, list)
            and all(type(payload) is str for payload in payloads)
            and isinstance(seconds, list)
            and all(type(taken) in (int, float) for taken in seconds)
            and len(kinds) == len(payloads) == len(seconds) == count
        ):
            return None
    return value


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
