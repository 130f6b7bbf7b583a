"""Frames between launcher and supervisor; inputs for a solution process, and its replies.

Runs inside the container too: standard library only.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

# A frame: kind and length of the payload that follows (big endian).
HEADER = struct.Struct(">cI")
# A call: its limit in CPU seconds and the length of its arguments, which follow.
CALL = struct.Struct(">dI")
# A reply: the token of its call, kind, CPU seconds that the process says it took, length.
REPLY = struct.Struct(">16scdI")
TOKEN_BYTES = 16
# What a reply carries that belongs to no call.
NO_TOKEN = bytes(TOKEN_BYTES)

# Launcher -> supervisor.
CONFIGURE = b"C"  # JSON: limits of the container, once
TASK = b"T"  # JSON: bytes of the calls of each set, which follow the frame
RUN = b"R"  # JSON: which set, and the length of the code that follows the frame
STOP = b"X"  # the run under way need not go on

# Supervisor -> launcher.
HELLO = b"H"  # JSON: what the supervisor measured of its confinement
DATA = b"D"  # replies, or pieces of them
END = b"E"  # JSON: how the run ended
FAILURE = b"!"  # text: the supervisor itself cannot go on

# Solution process -> supervisor; the first three once and in this order.
TAKEN = b"g"  # the code has been read from the supervisor's standard input
CONFINED = b"c"  # every restriction is in force; from here on a reply may be a lie
LOADED = b"l"  # the module body has run and the entry point exists
VALUE = b"v"  # an exact builtin value
LIKENESS = b"s"  # the builtin part of an object of another type
RAISED = b"e"  # the name of an exception's type; the last reply

STEPS = (TAKEN, CONFINED, LOADED)
# In place of a name: the system did not start a thread.
NO_THREAD = b"(no thread)"
ANSWERS = (VALUE, LIKENESS, RAISED)
MAX_FRAME = 1 << 28


class ProtocolError(Exception):
    """The other side does not speak this protocol."""


def frame(kind: bytes, payload: bytes = b"") -> bytes:
    """One frame, header included."""
    return HEADER.pack(kind, len(payload)) + payload


def call(limit: float, arguments: bytes) -> bytes:
    """One call as it stands in a set; `limit` in CPU seconds, `arguments` encoded."""
    return CALL.pack(limit, len(arguments)) + arguments


@dataclass(frozen=True)
class Run:
    """One program on one set of inputs, or one text for the sanitizer; its code follows.

    `total_seconds`: CPU seconds of all calls.
    """

    entry_point: str
    inputs: str = "base"
    total_seconds: float = 60.0
    output_bytes: int = 1 << 24
    sanitize: bool = False
    code_bytes: int = 0


class Splitter:
    """Cuts a stream into the fields of headers with their payloads; holds one that is not whole."""

    def __init__(self, header: struct.Struct = HEADER, max_payload: int = MAX_FRAME) -> None:
        """`header`: HEADER, or REPLY for replies."""
        self._buffer = bytearray()
        self._header = header
        self._max_payload = max_payload

    def feed(self, data: bytes) -> Iterator[tuple[tuple[Any, ...], bytes]]:
        """Add bytes and yield what is complete: the header's fields but the length, and the rest.

        Raises:
            ProtocolError: a payload is announced as longer than allowed.
        """
        self._buffer += data
        start, size = 0, self._header.size
        try:
            while len(self._buffer) - start >= size:
                *fields, length = self._header.unpack_from(self._buffer, start)
                if length > self._max_payload:
                    raise ProtocolError(f"payload of {length} bytes")
                end = start + size + length
                if len(self._buffer) < end:
                    break
                payload = bytes(self._buffer[start + size : end])
                start = end
                yield tuple(fields), payload
        finally:
            del self._buffer[:start]


class Conversation:
    """Which bytes a solution process may send next: what was asked for, and nothing else.

    First the three steps, each with NO_TOKEN; then, after every call, one answer with its token.
    An exception is the last answer and may come while the module is loaded. It counts nothing
    that is not whole.
    """

    def __init__(self) -> None:
        self.steps = 0
        self.answers = 0
        self.loaded = False
        self.raised = False
        self._token: bytes | None = NO_TOKEN
        self._header = bytearray()
        self._kind: bytes | None = None
        self._left = 0

    @property
    def waits(self) -> bool:
        """Whether the process has answered everything it was asked, so that it may be called."""
        return self.loaded and self._token is None and not self.raised

    def call(self, token: bytes) -> None:
        """A call with this token has been sent."""
        self._token = token

    def feed(self, data: memoryview) -> None:
        """Take the next bytes.

        Raises:
            ProtocolError: they are not what was asked for.
        """
        while data:
            if self._token is None:
                raise ProtocolError("bytes that nobody asked for")
            if self._kind is None:
                missing = REPLY.size - len(self._header)
                self._header += data[:missing]
                if len(self._header) < REPLY.size:
                    return
                data = data[missing:]
                self._begin()
            step = min(self._left, len(data))
            self._left -= step
            data = data[step:]
            if not self._left:
                self._finish()

    def _begin(self) -> None:
        token, kind, _, self._left = REPLY.unpack(self._header)
        self._header.clear()
        self._kind = kind
        if self.loaded:
            expected = kind in ANSWERS
        else:
            raised = kind == RAISED and self.steps == STEPS.index(LOADED)
            expected = raised or (kind == STEPS[self.steps] and not self._left)
        if token != self._token or not expected:
            raise ProtocolError("a reply that nobody asked for")

    def _finish(self) -> None:
        self.raised = self._kind == RAISED
        self._kind = None
        if self.loaded:
            self.answers += 1
        elif not self.raised:
            self.steps += 1
            self.loaded = self.steps == len(STEPS)
        if self.loaded or self.raised:
            self._token = None
