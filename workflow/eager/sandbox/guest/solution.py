"""The solution process, once confined: run the solution on the inputs and write plain replies.

From the first line of the solution on nothing here can be relied on: the solution may replace any
of it. It can only lie about its own outputs, which the checker outside compares.
"""

from __future__ import annotations

import builtins
import faulthandler
import io
import os
import shutil
import signal
import subprocess
import sys
import time
import types
from collections.abc import Callable
from typing import Any

from eager.sandbox.guest import codec, extraction, protocol

EXIT_CONFINEMENT = 97
FLUSH_BYTES = 1 << 15
FLUSH_SECONDS = 0.01
SHORTEST_TIMER_SECONDS = 0.001

# What evalplus 0.3.1 takes from the modules before it runs a solution. It protects nothing here,
# but a solution that calls one of these fails there, so it has to fail here.
_REMOVED_FROM_OS = (
    "kill system putenv remove removedirs rmdir fchdir setuid fork forkpty killpg rename renames "
    "truncate replace unlink fchmod fchown chmod chown chroot lchflags lchmod lchown getcwd chdir"
).split()
_REMOVED_FROM_SHUTIL = ("rmtree", "move", "chown")
_REMOVED_MODULES = ("ipdb", "joblib", "resource", "psutil", "tkinter")
_REMOVED_BUILTINS = ("exit", "quit", "open", "help")


class TimeLimit(Exception):
    """A call took more CPU time than its limit."""


class Sink(io.StringIO):
    """Standard streams of a solution: takes everything, keeps nothing, cannot be read."""

    def write(self, text: str) -> int:
        """Take a text, and keep nothing of it."""
        return len(text)

    def read(self, *_: Any) -> str:
        """Refuse, as there is no input.

        Raises:
            OSError: always.
        """
        raise OSError("standard input is closed")

    def readline(self, *_: Any) -> str:  # type: ignore[override]
        """See `Sink.read`."""
        raise OSError("standard input is closed")

    def readlines(self, *_: Any) -> list[Any]:
        """See `Sink.read`."""
        raise OSError("standard input is closed")

    def readable(self) -> bool:
        """No."""
        return False


class Replies:
    """Writes replies to the pipe, several at a time where they come fast."""

    def __init__(self, descriptor: int) -> None:
        self.seconds: list[float] = []
        self._descriptor = descriptor
        self._parts: list[bytes] = []
        self._size = 0
        self._flushed = time.monotonic()

    def put(self, kind: bytes, payload: bytes = b"") -> None:
        """Add one reply."""
        self._parts.append(protocol.frame(kind, payload))
        self._size += len(payload)
        if self._size > FLUSH_BYTES or time.monotonic() - self._flushed > FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what has been added."""
        rest = memoryview(b"".join(self._parts))
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self._parts.clear()
        self._size = 0
        self._flushed = time.monotonic()


def guard() -> None:
    """Remove what evalplus removes, so that a solution finds the same surroundings."""
    faulthandler.disable()
    tables: tuple[tuple[Any, tuple[str, ...] | list[str]], ...] = (
        (os, _REMOVED_FROM_OS),
        (shutil, _REMOVED_FROM_SHUTIL),
        (subprocess, ("Popen",)),
        (builtins, _REMOVED_BUILTINS),
    )
    for module, names in tables:
        for name in names:
            setattr(module, name, None)
    for name in _REMOVED_MODULES:
        sys.modules[name] = None  # type: ignore[assignment]


def answer(
    code: str, entry_point: str, inputs: list[Any], limits: list[float], replies: Replies
) -> None:
    """Run the module, then its entry point on every input; stop at the first exception.

    Times are CPU seconds of the process with its threads, so that the machine's load costs nothing.
    """
    sys.stdout = sys.stderr = sys.stdin = Sink()
    set_timer, timer, clock = signal.setitimer, signal.ITIMER_PROF, time.process_time
    end = 0.0

    def out_of_time(_signal: int, _frame: types.FrameType | None) -> None:
        # The kernel's timer counts whole ticks and is early on a busy machine; the clock is exact.
        left = end - clock()
        if left <= 0:
            raise TimeLimit
        set_timer(timer, max(left, SHORTEST_TIMER_SECONDS))

    try:
        guard()
        signal.signal(signal.SIGPROF, out_of_time)
        namespace: dict[str, Any] = {}
        exec(compile(code, "<string>", "exec", dont_inherit=True), namespace)
        function: Callable[..., Any] = namespace[entry_point]
        replies.put(protocol.LOADED)
        replies.flush()
        for arguments, limit in zip(inputs, limits, strict=True):
            start = clock()
            end = start + limit
            set_timer(timer, limit)
            try:
                value = function(*arguments)
            finally:
                set_timer(timer, 0)
            replies.seconds.append(clock() - start)
            put_value(value, replies)
    except BaseException as error:
        replies.put(protocol.RAISED, type(error).__name__[:80].encode("ascii", "replace"))
    replies.flush()


def put_value(value: Any, replies: Replies) -> None:
    """Reply with a value, or with its type's name where it has no plain form."""
    try:
        payload = codec.encode(value)
    except codec.CodecError as error:
        payload = codec.encode(codec.Opaque(str(error)))
    replies.put(protocol.VALUE if codec.is_exact(value) else protocol.LIKENESS, payload)


def load_sanitizer() -> None:
    """Import evalplus's sanitizer, and give it our `code_extract`, which is faster.

    Its import of `datasets`, which it does not use, is satisfied by a stub.
    """
    stub = types.ModuleType("datasets")
    stub.load_dataset = None  # type: ignore[attr-defined]
    sys.modules.setdefault("datasets", stub)
    import evalplus.sanitize

    evalplus.sanitize.code_extract = extraction.code_extract


def sanitize(text: str, entry_point: str, replies: Replies) -> None:
    """Reply with the code that evalplus's sanitizer finds in a model's text."""
    from evalplus.sanitize import sanitize as find_code

    sys.stdout = sys.stderr = sys.stdin = Sink()
    try:
        replies.put(protocol.TEXT, find_code(text, entry_point).encode())
    except Exception as error:
        replies.put(protocol.RAISED, type(error).__name__[:80].encode("ascii", "replace"))
    replies.flush()
