"""The code in a model's text, found by evalplus's sanitizer inside a container."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, ValidationError
from pydantic.dataclasses import dataclass

from eager.sandbox.guest import codec, limits, protocol
from eager.sandbox.guest.protocol import Run
from eager.sandbox.runner import MAX_DEATHS
from eager.sandbox.session import LOG, ContainerDied, NotConfined, Session
from eager.sandbox.settings import SandboxSettings
from eager.util.errors import EagerError

SANITIZED_MAX_BYTES = 1 << 20
CONTROL_TEXT = "The function:\n```python\ndef control():\n    return 1\n```\n"


@dataclass(frozen=True, config=ConfigDict(strict=True))
class Sanitized:
    """The code in a text, or None and why there is none.

    `certain`: the text alone decided that; otherwise the sanitizer may have failed by itself.
    """

    code: str | None
    reason: str
    certain: bool = True

    @classmethod
    def read(cls, value: dict[str, Any]) -> Sanitized | None:
        """A stored result, or None if it is damaged."""
        try:
            stored = cls(value["code"], value["reason"])
        except (KeyError, ValidationError):
            return None
        return stored if (stored.code is None) is bool(stored.reason) else None

    def to_store(self) -> dict[str, Any]:
        """What `read` reads."""
        return {"code": self.code, "reason": self.reason}


def sanitize(session: Session, entry_point: str, text: str, settings: SandboxSettings) -> Sanitized:
    """Find the code in a model's text.

    Raises:
        EagerError: no container can be started.
    """
    run = Run(entry_point, total_seconds=settings.sanitize_seconds, sanitize=True)
    session.set_task({"base": [(settings.sanitize_seconds, b"[]")]})
    for _ in range(MAX_DEATHS):
        try:
            end, answers = session.collect(run, text.encode(errors="replace"))
        except ContainerDied as error:
            confined = not isinstance(error, NotConfined)
            problem = f"its container died: {error}" if confined else str(error)
            continue
        kind, answer = answers[0] if answers else (b"", b"")
        if kind == protocol.VALUE and len(answer) > SANITIZED_MAX_BYTES:
            return Sanitized(None, "the code in the text is longer than a program may be")
        code = codec.decode(answer) if kind == protocol.VALUE else None
        if isinstance(code, str):
            return Sanitized(code, "")
        problem = "" if kind == protocol.VALUE else answer.decode("ascii", "replace")
        if end.reason == limits.TIMEOUT or problem == "TimeLimit":
            seconds = settings.sanitize_seconds
            return Sanitized(None, f"no code was found in {seconds:g} s of CPU time")
        problem = problem or f"it ended without an answer ({end.reason}, signal {end.signal})"
        break
    return Sanitized(None, f"the sanitizer failed on this text: {problem}", certain=False)


def sanitize_alone(
    session: Session, entry_point: str, text: str, settings: SandboxSettings
) -> Sanitized:
    """Find the code in a text on which the sanitizer has failed, while nothing else runs.

    Returns:
        What was found; not `certain` where the sanitizer fails on this text and on no other.

    Raises:
        EagerError: the sanitizer fails on a harmless text too, so there is no verdict on this one.
    """
    again = sanitize(session, entry_point, text, settings)
    if again.certain:
        return again
    control = sanitize(session, "control", CONTROL_TEXT, settings)
    if control.code is None or "def control" not in control.code:
        raise EagerError(
            f"the sanitizer that finds the code in texts does not work in the "
            f"{session.engine.name} sandbox ({control.reason or 'it found nothing'}), so there "
            "is no verdict on the texts affected; see `eager sandbox doctor`, and rerun: what is "
            "finished is kept"
        )
    LOG.warning("%s; it works on others", again.reason)
    return again
