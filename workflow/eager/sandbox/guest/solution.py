"""The solution process, once confined: run the solution on the inputs and write plain replies.

From the first line of the solution on nothing here can be relied on: the solution may replace any
of it. It can only lie about its own outputs, which the checker outside compares.
"""

from __future__ import annotations

import builtins
import faulthandler
import io
import math
import os
import shutil
import signal
import subprocess
import sys
import time
import types
from collections.abc import Callable
from functools import partial
from typing import Any

from eager.sandbox.guest import codec, extraction, protocol

EXIT_CONFINEMENT = 97
READ_BYTES = 1 << 13
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

    def refuse(self, *_: Any) -> Any:
        """There is no input.

        Raises:
            OSError: always.
        """
        raise OSError("standard input is closed")

    read = readline = readlines = refuse

    def readable(self) -> bool:
        """No."""
        return False


class Channel:
    """The process's end of the conversation: calls come in, replies go out."""

    def __init__(self, calls: int, replies: int) -> None:
        """Two descriptors, for reading and for writing."""
        self._calls = calls
        self._replies = replies
        self._token = protocol.NO_TOKEN

    def put(self, kind: bytes, payload: bytes = b"", seconds: float = 0.0) -> None:
        """Send a reply to the last call."""
        data = protocol.REPLY.pack(self._token, kind, seconds, len(payload)) + payload
        sent = os.write(self._replies, data)
        while sent < len(data):
            sent += os.write(self._replies, memoryview(data)[sent:])

    def next_call(self) -> tuple[float, bytes] | None:
        """Limit in CPU seconds and encoded arguments of the next call; None after the last."""
        # There is never more than one call, so that most come with one read.
        data = os.read(self._calls, READ_BYTES)
        if not data:
            return None
        head = protocol.TOKEN_BYTES + protocol.CALL.size
        self._token = data[: protocol.TOKEN_BYTES]
        limit, length = protocol.CALL.unpack_from(data, protocol.TOKEN_BYTES)
        arguments = data[head:]
        while len(arguments) < length:
            arguments += os.read(self._calls, length - len(arguments))
        return limit, arguments


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


def load(code: str, entry_point: str) -> Callable[..., Any]:
    """Run a module in evalplus's surroundings; its function."""
    guard()
    namespace: dict[str, Any] = {}
    exec(compile(code, "<string>", "exec", dont_inherit=True), namespace)
    function: Callable[..., Any] = namespace[entry_point]
    return function


def load_sanitizer() -> None:
    """Import evalplus's sanitizer, and give it our `code_extract`, which is faster.

    Its import of `datasets`, which it does not use, is satisfied by a stub.
    """
    stub = types.ModuleType("datasets")
    stub.load_dataset = None  # type: ignore[attr-defined]
    sys.modules.setdefault("datasets", stub)
    import evalplus.sanitize

    evalplus.sanitize.code_extract = extraction.code_extract


def sanitizer(text: str, entry_point: str) -> Callable[[], Any]:
    """A function that finds the code in a model's text, with evalplus's sanitizer."""
    from evalplus.sanitize import sanitize

    return partial(sanitize, text, entry_point)


def answer(make: Callable[[], Callable[..., Any]], channel: Channel) -> None:
    """Make the function, then call it as often as asked; stop at the first exception.

    Times are CPU seconds of the process with its threads, so that the machine's load costs nothing.
    """
    sys.stdout = sys.stderr = sys.stdin = Sink()
    clock = time.process_time
    # When the call under way has to end, and when the timer is due: it stays set between calls, for
    # to set it twice a call takes longer than many calls.
    end = math.inf
    due = 0.0

    def out_of_time(_signal: int, _frame: types.FrameType | None) -> None:
        # The kernel's timer counts whole ticks and is early on a busy machine; the clock is exact.
        nonlocal due
        now = clock()
        if now >= end:
            raise TimeLimit
        due = end if end < math.inf else 0.0
        if due:
            signal.setitimer(signal.ITIMER_PROF, max(due - now, SHORTEST_TIMER_SECONDS))

    try:
        signal.signal(signal.SIGPROF, out_of_time)
        function = make()
        channel.put(protocol.LOADED)
        while (call := channel.next_call()) is not None:
            limit, arguments = call[0], codec.decode_own(call[1])
            start = clock()
            end = start + limit
            if not start < due <= end:
                due = end
                signal.setitimer(signal.ITIMER_PROF, limit)
            try:
                value = function(*arguments)
            finally:
                end = math.inf
            put_value(value, clock() - start, channel)
    except BaseException as error:
        channel.put(protocol.RAISED, _name(error))


def _name(error: BaseException) -> bytes:
    """The name of an exception's type; of a thread that the system did not start, NO_THREAD."""
    if type(error) is RuntimeError and error.args == ("can't start new thread",):
        return protocol.NO_THREAD
    return type(error).__name__[:80].encode("ascii", "replace")


def put_value(value: Any, seconds: float, channel: Channel) -> None:
    """Reply with a value, or with its type's name where it has no plain form."""
    try:
        payload = codec.encode(value)
    except codec.CodecError as error:
        payload = codec.encode(codec.Opaque(str(error)))
    channel.put(protocol.VALUE if codec.is_exact(value) else protocol.LIKENESS, payload, seconds)
