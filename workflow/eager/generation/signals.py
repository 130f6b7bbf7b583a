"""Requests to stop: what a cluster sends before it ends a job."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from eager.util.errors import EagerError

STOP_SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


class StoppedError(EagerError):
    """The job was asked to stop; finished prompts are kept, and the same command continues."""

    exit_code = 75
    """EX_TEMPFAIL of sysexits.h: try again."""


class StopRequest:
    """Whether this process has received a signal to stop."""

    def __init__(self) -> None:
        self._received: str | None = None
        self._waits = True

    def receive(self, number: int, _: FrameType | None) -> None:
        """Signal handler: records the signal, so that no write is interrupted."""
        self._received = signal.Signals(number).name
        if not self._waits:
            self.check()

    def check(self) -> None:
        """Stop if asked to.

        Raises:
            StoppedError: a signal was received.
        """
        if self._received is not None:
            raise StoppedError(
                f"stopped by {self._received}: finished prompts are kept, the same command goes on"
            )

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """A long part that writes nothing: a signal ends it immediately."""
        self.check()
        self._waits = False
        try:
            yield
        finally:
            self._waits = True


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Listen to SIGTERM and SIGUSR1 (main thread only)."""
    request = StopRequest()
    before = {number: signal.signal(number, request.receive) for number in STOP_SIGNALS}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
