"""A failure of the sandbox itself is told and tried again; it is no verdict and is not stored."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from eager.sandbox.engines.containers import EngineUnavailable, SandboxEngine
from eager.sandbox.engines.links import Link, LinkClosed
from eager.sandbox.guest import protocol
from eager.sandbox.guest.protocol import Run
from eager.sandbox.session import ContainerDied, NotConfined, RunEnd, Session
from eager.sandbox.tasks import CodeVerdict, Submission
from eager.util.errors import EagerError
from tests.support.sandbox import Sandbox

OWN = "# under test"
TEXT = "```python\ndef sum_of_two(a, b):\n    return a + b\n```\n"
ALWAYS = 10**6

Take = Callable[[bytes, bytes], bool]
# What a run does in place of the real one; None: the real one.
Fault = Callable[[Run, Take], RunEnd | None]


class Faults:
    """Runs of a program with a marker fail for a time, and are counted; every other is real."""

    def __init__(
        self, patch: pytest.MonkeyPatch, fault: Fault, times: int, marker: str = OWN
    ) -> None:
        self.count = 0
        self.open: list[int] = []
        running: set[Session] = set()
        real_run, real_close = Session.run, Session.close

        def run(session: Session, one: Run, code: bytes, take: Take) -> RunEnd:
            running.add(session)
            if marker.encode() in code:
                self.count += 1
                self.open.append(len(running))
                if self.count <= times and (end := fault(one, take)) is not None:
                    return end
            return real_run(session, one, code, take)

        def close(session: Session) -> None:
            running.discard(session)
            real_close(session)

        patch.setattr(Session, "run", run)
        patch.setattr(Session, "close", close)


def waits(_run: Run, _take: Take) -> RunEnd:
    return RunEnd("backstop", 9, 0, loaded=True)


def is_killed(_run: Run, _take: Take) -> RunEnd:
    return RunEnd("end", 9, 0, loaded=True)


def lacks_threads(_run: Run, take: Take) -> RunEnd:
    take(protocol.RAISED, protocol.NO_THREAD)
    return RunEnd("end", 9, 0, loaded=True)


def dies(_run: Run, _take: Take) -> RunEnd:
    raise ContainerDied("too many processes")


def is_not_confined(_run: Run, _take: Take) -> RunEnd:
    raise NotConfined("too many processes")


def sanitizer_raises(run: Run, take: Take) -> RunEnd | None:
    if not run.sanitize:
        return None
    take(protocol.RAISED, b"OddError")
    return RunEnd("stopped", 9, 0, loaded=False)


def judge(sandbox: Sandbox, text: str = "") -> CodeVerdict:
    """The verdict of a right program, or text, among other right programs on two workers."""
    task = sandbox.tasks[0]
    program = {"text": text} if text else {"solution": f"{task.reference}{OWN}\n"}
    own = Submission.model_validate({"task_id": task.task_id, "sample_id": 0, **program})
    others = [
        Submission(
            task_id=other.task_id, sample_id=number, solution=f"{other.reference}# {number}\n"
        )
        for other in sandbox.tasks[1:3]
        for number in range(2)
    ]
    first, *rest = sandbox.evaluation(workers=2).judge([own, *others])
    assert all(one.correct for one in rest)
    return first


@pytest.mark.parametrize(
    ("fault", "times"),
    [(waits, 1), (waits, 2), (is_killed, 1), (dies, 1), (dies, 3), (is_not_confined, 1),
     (lacks_threads, 1)],
)  # fmt: skip
def test_a_right_program_passes_in_spite_of_a_fault(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, fault: Fault, times: int
) -> None:
    """Beside others it is undecided; run again, when no other container is left, it passes."""
    faults = Faults(monkeypatch, fault, times)
    assert judge(sandbox).correct
    # One death is tried again in place.
    assert faults.open[-1] == 1 or faults.count == 3
    before = faults.count
    assert judge(sandbox).correct
    assert faults.count == before, "the verdict is stored"


@pytest.mark.parametrize(
    ("fault", "status", "detail"),
    [
        (lacks_threads, "exception", "RuntimeError, base test 0"),
        (waits, "timeout", "waits instead of computing, base test 0"),
        (dies, "crashed", "its container died 2 times (too many processes)"),
    ],
)
def test_what_fails_alone_too_is_the_program_s_fault(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, fault: Fault, status: str, detail: str
) -> None:
    """As long as a harmless program works."""
    Faults(monkeypatch, fault, ALWAYS)
    verdict = judge(sandbox)
    assert (verdict.status, verdict.detail) == (status, detail)
    assert not verdict.base
    assert not verdict.plus


def test_a_container_that_ends_is_replaced(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And only the program that ended it twice is crashed."""
    doomed, send, receive = set(), Link.send, Link.receive

    def sent(link: Link, data: bytes) -> None:
        if OWN.encode() in data:
            doomed.add(link)
        send(link, data)

    def received(link: Link, timeout: float) -> bytes:
        if link in doomed:
            link.close()
            raise LinkClosed("the container has ended")
        return receive(link, timeout)

    monkeypatch.setattr(Link, "send", sent)
    monkeypatch.setattr(Link, "receive", received)
    verdict = judge(sandbox)
    assert (verdict.status, verdict.correct) == ("crashed", False)
    # Two tries with base and plus inputs, beside others and alone.
    assert len(doomed) == 8


@pytest.mark.parametrize(
    ("fault", "marker", "words"),
    [
        (dies, "", r"too many processes.*rerun"),
        (is_not_confined, OWN, r"too many processes.*rerun"),
        (lacks_threads, "threading", r"did not start a thread.*rerun"),
    ],
)
def test_a_sandbox_that_fails_gives_no_verdict(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, fault: Fault, marker: str, words: str
) -> None:
    """Told with its cause, tried again, nothing stored of the program; a rerun finishes."""
    sandbox.evaluation().make_references([sandbox.tasks[0].task_id])
    programs = {"own": f"import threading\n{sandbox.tasks[0].reference}{OWN}"}
    with monkeypatch.context() as patch:
        faults = Faults(patch, fault, ALWAYS, marker)
        with pytest.raises(EagerError, match=words):
            sandbox.judge(programs)
        assert faults.count > 2
    assert not (sandbox.folder / "verdicts").exists()
    assert sandbox.judge(programs)["own"].correct


def test_a_sanitizer_that_fails_once_is_tried_again(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = Faults(monkeypatch, sanitizer_raises, 1, TEXT[:20])
    for _ in range(2):
        assert judge(sandbox, TEXT).correct
    assert faults.count == 2, "once in vain, once well, and then it is stored"


def test_a_sanitizer_that_fails_on_one_text_only(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """There is no answer, with the exception's name; the next evaluation tries again."""
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        Faults(patch, sanitizer_raises, ALWAYS, TEXT[:20])
        verdict = judge(sandbox, TEXT)
    assert (verdict.status, verdict.correct) == ("no_answer", False)
    assert "OddError" in verdict.detail
    assert "OddError" in caplog.text
    assert judge(sandbox, TEXT).correct


@pytest.mark.parametrize("fault", [sanitizer_raises, dies])
def test_a_sanitizer_that_fails_on_every_text(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    with monkeypatch.context() as patch:
        Faults(patch, fault, ALWAYS, "```python")
        with pytest.raises(EagerError, match=r"does not work.*(OddError|too many).*rerun"):
            judge(sandbox, TEXT)
    assert not list((sandbox.folder / "sanitized").rglob("*.gz"))
    assert judge(sandbox, TEXT).correct


def test_a_container_that_does_not_start_once_is_tried_again(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    start, failed = type(sandbox.engine).start, []

    def once(engine: SandboxEngine, first_uid: int, sanitizer: bool) -> Link:
        if not failed:
            failed.append(True)
            raise EngineUnavailable("the daemon is busy")
        return start(engine, first_uid, sanitizer)

    monkeypatch.setattr(type(sandbox.engine), "start", once)
    assert judge(sandbox).correct
    assert "the daemon is busy; trying once more" in caplog.text
