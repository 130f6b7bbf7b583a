"""Frames between launcher and supervisor."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eager.sandbox.guest import protocol
from eager.sandbox.guest.harness import Progress

FRAMES = st.lists(st.tuples(st.binary(min_size=1, max_size=1), st.binary(max_size=40)), max_size=20)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The bytes in pieces."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@given(FRAMES, st.lists(st.integers(min_value=0)))
def test_frames_survive_any_cutting(frames: list[tuple[bytes, bytes]], places: list[int]) -> None:
    stream = b"".join(protocol.frame(*one) for one in frames)
    splitter = protocol.Splitter()
    assert [one for piece in cut(stream, places) for one in splitter.feed(piece)] == frames


@given(FRAMES, st.lists(st.integers(min_value=0)))
def test_progress_counts_replies_however_cut(
    frames: list[tuple[bytes, bytes]], places: list[int]
) -> None:
    stream = b"".join(protocol.frame(*one) for one in frames)
    progress = Progress()
    for piece in cut(stream, places):
        progress.feed(memoryview(piece))
    steps = (protocol.TAKEN, protocol.CONFINED, protocol.LOADED)
    assert progress.tests == sum(kind not in steps for kind, _ in frames)


def test_a_payload_that_is_too_long_is_refused_at_its_header() -> None:
    with pytest.raises(protocol.ProtocolError):
        list(protocol.Splitter(100).feed(protocol.HEADER.pack(b"v", 101)))
