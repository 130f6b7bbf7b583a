"""Reference solutions: run like any other, and what they return is what is expected."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from eager.sandbox.checker import ExpectedSet, Reply, is_comparable, not_none
from eager.sandbox.evalplus_rules import oracle
from eager.sandbox.guest import codec, protocol
from eager.sandbox.guest.protocol import Run
from eager.sandbox.runner import MAX_DEATHS
from eager.sandbox.session import LOG, ContainerDied, Session
from eager.sandbox.settings import SandboxSettings
from eager.sandbox.tasks import SET_NAMES, CodeTask, SetName
from eager.util.errors import EagerError

REFERENCE_CALL_SECONDS = 120.0
REFERENCE_SECONDS = 600.0
REFERENCE_BYTES = 1 << 30


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
    run = Run(
        entry_point=task.entry_point,
        inputs=name,
        total_seconds=REFERENCE_SECONDS,
        output_bytes=REFERENCE_BYTES,
    )
    problem = ""
    for _ in range(MAX_DEATHS):
        if problem:
            LOG.warning("task %s: the reference solution: %s; trying again", task.task_id, problem)
        try:
            end, answers = session.collect(run, codec.to_bytes(task.reference))
        except ContainerDied as error:
            problem = f"its container died: {error}; raise the sandbox's memory_bytes, or rerun"
            continue
        replies = [Reply(*one) for one in answers if one[0] in (protocol.VALUE, protocol.LIKENESS)]
        if len(replies) == len(task.inputs(name)):
            kept = [_kept(task, name, index, reply) for index, reply in enumerate(replies)]
            return {
                "kinds": b"".join(reply.kind for reply in kept).decode(),
                "payloads": [reply.payload.decode() for reply in kept],
                "seconds": list(end.seconds),
            }
        # The name of an exception comes last.
        raised = b"".join(payload for _, payload in answers[len(replies) :])
        problem = (
            f"{raised.decode('ascii', 'replace') or end.reason}, test {len(replies)}; the data set "
            "is damaged, or does not fit this Python"
        )
    raise EagerError(
        f"task {task.task_id}: the reference solution failed on its {name} inputs ({problem})"
    )


def _kept(task: CodeTask, name: SetName, index: int, reply: Reply) -> Reply:
    value = codec.decode(reply.payload)
    if task.suite == "mbpp" and task.entry_point in oracle().MBPP_OUTPUT_NOT_NONE_TASKS:
        return Reply(protocol.VALUE, codec.encode(not_none(value)))
    if not is_comparable(value):
        raise EagerError(
            f"task {task.task_id}: the reference solution returns for {name} test {index} a value "
            "that has no plain form and cannot be compared; make it return builtin types"
        )
    return reply


class _StoredSet(BaseModel):
    """What is stored of a reference solution on one set; an item per call in each field."""

    model_config = ConfigDict(strict=True, extra="forbid")

    kinds: str = Field(pattern="^[vs]*$")
    payloads: list[str]
    seconds: list[float]


def stored_reference(task: CodeTask, value: dict[str, Any]) -> dict[str, Any] | None:
    """What is stored of a reference solution, or None if it is damaged or half."""
    try:
        for name in SET_NAMES:
            part = _StoredSet.model_validate(value.get(name))
            if {len(part.kinds), len(part.payloads), len(part.seconds)} != {len(task.inputs(name))}:
                return None
    except ValidationError:
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
