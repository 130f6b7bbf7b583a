"""A byte stream to and from one running container."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

# A supervisor reads whenever no run is under way, so a full pipe for this long means it is gone.
SEND_SECONDS = 120.0
STDERR_TAIL = 2000


class LinkClosed(Exception):
    """The container has ended."""


def as_user(user: int | None) -> dict[str, Any]:
    """Arguments of `subprocess` that run a program as another user, of a group of that number."""
    return {} if user is None else {"user": user, "group": user, "extra_groups": []}


class Link:
    """A container whose engine is a program that passes standard input and output through."""

    def __init__(
        self,
        command: Sequence[str],
        kill: Callable[[], None] | None = None,
        user: int | None = None,
    ) -> None:
        """`kill`: ends the container from outside; `user`: who runs the program, None: this one."""
        self._errors: IO[bytes] = tempfile.TemporaryFile()
        self._kill = kill
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            # Ctrl-C is for the launcher, which then ends the container in order.
            start_new_session=True,
            **as_user(user),
        )
        # When memory is short, the container is to go, and not what runs beside it.
        with contextlib.suppress(OSError):
            Path(f"/proc/{self._process.pid}/oom_score_adj").write_text("500", encoding="ascii")
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input = self._process.stdin.fileno()
        self._output = self._process.stdout.fileno()
        os.set_blocking(self._input, False)

    def send(self, data: bytes) -> None:
        """Write all of it.

        Raises:
            LinkClosed: the container has ended or does not read.
        """
        deadline = time.monotonic() + SEND_SECONDS
        rest = memoryview(data)
        while rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([], [self._input], [], left)[1]:
                raise LinkClosed("the container does not read")
            try:
                rest = rest[os.write(self._input, rest) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise LinkClosed(str(error)) from None

    def receive(self, timeout: float) -> bytes:
        """Some bytes.

        Raises:
            LinkClosed: the container has ended.
            TimeoutError: nothing came for `timeout` seconds.
        """
        if not select.select([self._output], [], [], timeout)[0]:
            raise TimeoutError
        data = os.read(self._output, 1 << 16)
        if not data:
            raise LinkClosed("the container has ended")
        return data

    def close(self) -> None:
        """End the container, whatever it is doing, and wait until it is gone."""
        if self._kill is not None and self._process.poll() is None:
            self._kill()
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def complaints(self) -> str:
        """The end of what the container or its engine wrote on standard error."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - STDERR_TAIL))
        return self._errors.read().decode(errors="replace").strip()
