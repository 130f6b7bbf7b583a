"""Runs solutions in a session and says what came of it."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic import ConfigDict, ValidationError
from pydantic.dataclasses import dataclass

from eager.sandbox.checker import ExpectedSet, SetCheck
from eager.sandbox.guest import codec, limits, protocol
from eager.sandbox.guest.protocol import Run
from eager.sandbox.session import LOG, ContainerDied, NotConfined, RunEnd, Session
from eager.sandbox.tasks import SET_NAMES, SetName, Status
from eager.util.errors import EagerError

# A solution whose container died this often, beside others and again alone, is the likely reason.
MAX_DEATHS = 2
SIGNALS = {one.value: one.name for one in signal.Signals}
CONTROL_VALUE = b"271828"
CONTROL_PROGRAM = b"""
import threading
def control():
    barrier = threading.Barrier(9)
    for _ in range(8):
        threading.Thread(target=barrier.wait).start()
    barrier.wait()
    return 271828
"""
CONTROL_SECONDS = 60.0


@dataclass(frozen=True, config=ConfigDict(strict=True))
class SetResult:
    """What came of one set of inputs; `failed_test` is None where no single test is to blame."""

    status: Status
    detail: str = ""
    failed_test: int | None = None

    @property
    def passed(self) -> bool:
        """Whether every output was right and in time."""
        return self.status == "ok"


Outcome = dict[str, SetResult | None]
"""Results by the name of the set; None where a set has to be run again alone."""


def stored_outcome(value: dict[str, Any]) -> Outcome | None:
    """The results of a stored verdict, or None if it is damaged or half."""
    try:
        return {name: SetResult(**value[name]) for name in SET_NAMES}
    except (KeyError, TypeError, ValidationError):
        return None


def outcome_to_store(outcome: Outcome) -> dict[str, Any]:
    """What `stored_outcome` reads."""
    return {name: asdict(result) for name, result in outcome.items() if result is not None}


def send_task(session: Session, sets: Mapping[SetName, ExpectedSet]) -> None:
    """Make the task of these sets the task of the following runs."""
    session.set_task(
        {
            name: list(zip(one.limits, one.task.encoded_inputs[name], strict=True))
            for name, one in sets.items()
        }
    )


def run_set(
    session: Session,
    sets: Mapping[SetName, ExpectedSet],
    name: SetName,
    solution: str,
    alone: bool = False,
) -> SetResult | None:
    """Run a solution on one set of inputs of the session's task.

    Args:
        session: where to run it; the task has been sent.
        sets: what a right solution answers, and its limits.
        name: which of both.
        solution: a whole program.
        alone: no other solution runs now, so that nothing but this one can be to blame.

    Returns:
        The result, or None where it may be the machine's fault and not the solution's: run it
        again alone. Never None with `alone`.

    Raises:
        EagerError: no container can be started, or the sandbox itself fails.
    """
    expected = sets[name]
    run = Run(
        entry_point=expected.task.entry_point,
        inputs=name,
        total_seconds=expected.total_seconds,
        output_bytes=expected.output_bytes,
    )
    for _ in range(MAX_DEATHS):
        check = SetCheck(expected, session.compare)
        try:
            end = session.run(run, codec.to_bytes(solution), check.take)
        except ContainerDied as error:
            death = error
            LOG.warning("task %s: %s; trying again", expected.task.task_id, error)
            continue
        if not alone and _may_be_the_machine(check, end):
            return None
        if check.no_thread:
            confirm_sandbox(session, "it did not start a thread")
            send_task(session, sets)
        return _result(check, end)
    if not alone:
        return None
    if isinstance(death, NotConfined):
        raise _sandbox_failed(session, str(death))
    confirm_sandbox(session, str(death))
    send_task(session, sets)
    return SetResult("crashed", f"its container died {MAX_DEATHS} times ({death})")


def _may_be_the_machine(check: SetCheck, end: RunEnd) -> bool:
    """Whether something else than the solution's CPU time and answers ended the run."""
    if check.complete or check.status is not None:
        return check.no_thread
    # The kernel kills a process when the machine is out of memory; for any other reason than the
    # end of the process, it is the supervisor's own signal.
    killed = end.reason == "end" and end.signal == signal.SIGKILL
    return killed or end.reason == limits.BACKSTOP


def confirm_sandbox(session: Session, problem: str) -> None:
    """Return if a harmless program runs in a container here, so that another was to blame.

    The session's task is gone afterwards.

    Raises:
        EagerError: it does not run either: no verdict.
    """
    session.set_task({"base": [(CONTROL_SECONDS, b"[]")]})
    try:
        _, answers = session.collect(Run("control"), CONTROL_PROGRAM)
    except ContainerDied as error:
        raise _sandbox_failed(session, str(error)) from None
    if answers != [(protocol.VALUE, CONTROL_VALUE)]:
        raise _sandbox_failed(session, problem)


def _sandbox_failed(session: Session, problem: str) -> EagerError:
    return EagerError(
        f"the {session.engine.name} sandbox failed ({problem}) with a harmless program too, so "
        "there is no verdict on the solutions affected; see `eager sandbox doctor`, and rerun: "
        "what is finished is kept"
    )


def _result(check: SetCheck, end: RunEnd) -> SetResult:
    if check.complete:
        return SetResult("ok")
    where = f"{check.expected.name} test {check.passed_tests}" if end.loaded else "while loading"
    test = check.passed_tests if end.loaded else None
    if check.status is not None:
        detail = check.detail if end.loaded else check.detail.split(",")[0] + " while loading"
        return SetResult(check.status, detail, test)
    if end.reason == limits.TIMEOUT:
        return SetResult("timeout", where, test)
    if end.reason == limits.BACKSTOP:
        return SetResult("timeout", f"waits instead of computing, {where}", test)
    if end.reason in ("output", "files"):
        return SetResult("output", f"too much {end.reason}, {where}", test)
    if end.reason == "malformed":
        return SetResult("wrong", f"malformed reply, {where}", test)
    if end.signal:
        cause = SIGNALS.get(end.signal, f"signal {end.signal}")  # real-time ones have no name
        return SetResult("crashed", f"process ended by {cause}, {where}", test)
    return SetResult("crashed", f"process ended with code {end.exit_code}, {where}", test)
