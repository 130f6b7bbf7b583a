"""Frames between launcher and supervisor, and replies of a solution process.

A frame or a reply is one byte of kind, four bytes of length (big endian), and the payload. Runs
inside the container too: standard library only.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

HEADER = struct.Struct(">cI")

# Launcher -> supervisor.
CONFIGURE = b"C"  # JSON: limits of the container, once
TASK = b"T"  # JSON: entry point, inputs and time limits
RUN = b"R"  # JSON: which inputs, and the length of the code that follows the frame
STOP = b"X"  # the run under way need not go on

# Supervisor -> launcher.
HELLO = b"H"  # JSON: what the supervisor measured of its confinement
DATA = b"D"  # raw bytes that the solution process wrote
END = b"E"  # JSON: how the run ended
FAILURE = b"!"  # text: the supervisor itself cannot go on

# Solution process -> checker, relayed in DATA frames.
TAKEN = b"g"  # the code has been read from the supervisor's standard input
CONFINED = b"c"  # every restriction is in force; from here on a reply may be a lie
LOADED = b"l"  # the module body has run and the entry point exists
VALUE = b"v"  # an exact builtin value
LIKENESS = b"s"  # the builtin part of an object of another type
RAISED = b"e"  # the name of an exception's type; the last reply
SECONDS = b"t"  # seconds that each call took, for reference solutions
TEXT = b"x"  # UTF-8 text: the sanitized solution

MAX_FRAME = 1 << 28


class ProtocolError(Exception):
    """The other side does not speak this protocol."""


def frame(kind: bytes, payload: bytes = b"") -> bytes:
    """One frame or reply, header included."""
    return HEADER.pack(kind, len(payload)) + payload


class Splitter:
    """Cuts a stream of bytes into (kind, payload) pairs, holding at most one incomplete pair."""

    def __init__(self, max_payload: int = MAX_FRAME) -> None:
        self._buffer = bytearray()
        self._max_payload = max_payload

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Add bytes and yield what is complete.

        Raises:
            ProtocolError: a payload is announced as longer than allowed.
        """
        self._buffer += data
        start = 0
        try:
            while len(self._buffer) - start >= HEADER.size:
                kind, length = HEADER.unpack_from(self._buffer, start)
                if length > self._max_payload:
                    raise ProtocolError(f"payload of {length} bytes")
                end = start + HEADER.size + length
                if len(self._buffer) < end:
                    break
                payload = bytes(self._buffer[start + HEADER.size : end])
                start = end
                yield kind, payload
        finally:
            del self._buffer[:start]
