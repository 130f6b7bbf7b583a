"""A failure of the sandbox itself is told and tried again; it is no verdict and is not stored."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from eager.sandbox.cache import Cache
from eager.sandbox.engines.containers import EngineUnavailable, SandboxEngine
from eager.sandbox.engines.links import Link
from eager.sandbox.evaluate import Evaluation
from eager.sandbox.guest import protocol
from eager.sandbox.session import ContainerDied, NotConfined, RunEnd, RunRequest, Session
from eager.sandbox.tasks import CodeTask, CodeVerdict, Submission
from eager.util.errors import EagerError

TEXT = "```python\ndef sum_of_two(a, b):\n    return a + b\n```\n"
OTHERS = 4

Take = Callable[[bytes, bytes], bool]
# What a run does in place of the real one; None: the real one.
Fault = Callable[[RunRequest, Take, int], RunEnd | None]


class Faults:
    """Runs of the program under test that fail, counted; every other run is the real one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fault: Fault, marker: bytes) -> None:
        self.count = 0
        self.open: list[int] = []
        running: set[Session] = set()
        real_run, real_close = Session.run, Session.close

        def run(session: Session, request: RunRequest, take: Take) -> RunEnd:
            running.add(session)
            if marker in request.code:
                self.count += 1
                self.open.append(len(running))
                end = fault(request, take, self.count)
                if end is not None:
                    return end
            return real_run(session, request, take)

        def close(session: Session) -> None:
            running.discard(session)
            real_close(session)

        monkeypatch.setattr(Session, "run", run)
        monkeypatch.setattr(Session, "close", close)


def ends(reason: str, times: int, signal: int = 0) -> Fault:
    def fault(request: RunRequest, take: Take, count: int) -> RunEnd | None:
        return RunEnd(reason, signal, 0, loaded=True) if count <= times else None

    return fault


def lacks_threads(times: int) -> Fault:
    def fault(request: RunRequest, take: Take, count: int) -> RunEnd | None:
        if count > times:
            return None
        take(protocol.RAISED, protocol.NO_THREAD)
        return RunEnd("end", 9, 0, loaded=True)

    return fault


def dies(times: int, error: type[ContainerDied] = ContainerDied) -> Fault:
    def fault(request: RunRequest, take: Take, count: int) -> RunEnd | None:
        if count <= times:
            raise error("too many processes")
        return None

    return fault


def sanitizer_raises(times: int) -> Fault:
    def fault(request: RunRequest, take: Take, count: int) -> RunEnd | None:
        if count > times or not request.sanitize:
            return None
        take(protocol.RAISED, b"OddError")
        return RunEnd("stopped", 9, 0, loaded=False)

    return fault


def judge(
    engine: SandboxEngine, tasks: list[CodeTask], cache: Path, text: str | None = None
) -> CodeVerdict:
    """The verdict of a right program, or text, among other right programs."""
    task = tasks[0]
    own = f"{task.reference}# under test\n"
    submissions = [
        Submission(task_id=task.task_id, sample_id=0, text=text)
        if text
        else Submission(task_id=task.task_id, sample_id=0, solution=own)
    ]
    for number in range(OTHERS):
        other = tasks[1 + number % 2]
        program = f"{other.reference}# other {number}\n"
        submissions.append(Submission(task_id=other.task_id, sample_id=number, solution=program))
    by_id = {one.task_id: one for one in tasks}
    settings = engine.settings.model_copy(update={"workers": 2})
    first, *others = Evaluation(by_id, settings, Cache(cache), engine).judge(submissions)
    assert all(one.correct for one in others)
    return first


@pytest.mark.parametrize(
    "fault",
    [ends("backstop", 1), ends("backstop", 2), ends("end", 1, signal=9), dies(1), dies(2), dies(3),
     dies(1, NotConfined), lacks_threads(1)],
)  # fmt: skip
def test_a_right_program_passes_in_spite_of_a_fault(
    bubblewrap: SandboxEngine,
    minicode: list[CodeTask],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
) -> None:
    """Beside others it is undecided; run again, when no other container is left, it passes."""
    faults = Faults(monkeypatch, fault, b"# under test")
    assert judge(bubblewrap, minicode, tmp_path).correct
    # One death is tried again in place.
    assert faults.open[-1] == 1 or faults.count == 3
    before = faults.count
    assert judge(bubblewrap, minicode, tmp_path).correct
    assert faults.count == before, "the verdict is stored"


def test_a_thread_that_does_not_start_when_alone_is_the_program_s(
    bubblewrap: SandboxEngine,
    minicode: list[CodeTask],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As long as a harmless program starts its threads."""
    faults = Faults(monkeypatch, lacks_threads(1000), b"# under test")
    verdict = judge(bubblewrap, minicode, tmp_path)
    assert (verdict.status, verdict.detail) == ("exception", "RuntimeError, base test 0")
    assert faults.count == 4
    with monkeypatch.context() as patch:
        Faults(patch, lacks_threads(1000), b"barrier")
        with pytest.raises(EagerError, match="did not start a thread"):
            judge(bubblewrap, minicode, tmp_path / "other")


def test_what_waits_alone_too_is_a_timeout(
    bubblewrap: SandboxEngine,
    minicode: list[CodeTask],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Faults(monkeypatch, ends("backstop", 1000), b"# under test")
    verdict = judge(bubblewrap, minicode, tmp_path)
    assert (verdict.status, verdict.base, verdict.plus) == ("timeout", False, False)
    assert "waits instead of computing" in verdict.detail


@pytest.mark.parametrize(
    ("fault", "marker"),
    [(dies(10**6), b""), (dies(10**6, NotConfined), b"# under test")],
)
def test_a_sandbox_that_fails_gives_no_verdict(
    bubblewrap: SandboxEngine,
    minicode: list[CodeTask],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    marker: bytes,
) -> None:
    """Told with its cause, tried again, nothing stored of the program; a rerun finishes."""
    own = [
        Submission(
            task_id="minicode/0", sample_id=0, solution=minicode[0].reference + "# under test"
        )
    ]
    evaluation = Evaluation(
        {"minicode/0": minicode[0]}, bubblewrap.settings, Cache(tmp_path), bubblewrap
    )
    evaluation.make_references(["minicode/0"])
    with monkeypatch.context() as patch:
        faults = Faults(patch, fault, marker)
        with pytest.raises(EagerError, match=r"too many processes.*rerun"):
            evaluation.judge(own)
        assert faults.count > 2
    assert not (tmp_path / "verdicts").exists()
    assert evaluation.judge(own)[0].correct


def test_a_sanitizer_that_fails_once_is_tried_again(
    bubblewrap: SandboxEngine,
    minicode: list[CodeTask],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    faults = Faults(monkeypatch, sanitizer_raises(1), b"```python\ndef sum_of_two")
    assert judge(bubblewrap, minicode, tmp_path, TEXT).correct
    assert judge(bubblewrap, minicode, tmp_path, TEXT).correct
    assert faults.count == 2, "once in vain, once well, and then it is stored"


def test_a_sanitizer_that_fails_on_one_text_only(
    bubblewrap: SandboxEngine,
    minicode: list[CodeTask],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """There is no answer, with the exception's name; the next evaluation tries again."""
    with monkeypatch.context() as patch:
        Faults(patch, sanitizer_raises(10**6), b"```python\ndef sum_of_two")
        with caplog.at_level(logging.WARNING):
            verdict = judge(bubblewrap, minicode, tmp_path, TEXT)
    assert (verdict.status, verdict.correct) == ("no_answer", False)
    assert "OddError" in verdict.detail
    assert "OddError" in caplog.text
    assert judge(bubblewrap, minicode, tmp_path, TEXT).correct


@pytest.mark.parametrize("fault", [sanitizer_raises(10**6), dies(10**6)])
def test_a_sanitizer_that_fails_on_every_text(
    bubblewrap: SandboxEngine,
    minicode: list[CodeTask],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
) -> None:
    with monkeypatch.context() as patch:
        Faults(patch, fault, b"```python")
        with pytest.raises(EagerError, match=r"does not work.*(OddError|too many).*rerun"):
            judge(bubblewrap, minicode, tmp_path, TEXT)
    assert not list((tmp_path / "sanitized").rglob("*.gz"))
    assert judge(bubblewrap, minicode, tmp_path, TEXT).correct


def test_a_container_that_does_not_start_once_is_tried_again(
    bubblewrap: SandboxEngine,
    minicode: list[CodeTask],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    start, failed = type(bubblewrap).start, []

    def once(engine: SandboxEngine, first_uid: int, sanitizer: bool) -> Link:
        if not failed:
            failed.append(True)
            raise EngineUnavailable("the daemon is busy")
        return start(engine, first_uid, sanitizer)

    monkeypatch.setattr(type(bubblewrap), "start", once)
    assert judge(bubblewrap, minicode, tmp_path).correct
    assert "the daemon is busy; trying once more" in caplog.text
