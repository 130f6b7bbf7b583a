"""What a solution process may send, and when."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eager.sandbox.guest import protocol
from eager.sandbox.guest.protocol import NO_TOKEN, REPLY, STEPS, Conversation, ProtocolError

FRAMES = st.lists(st.tuples(st.binary(min_size=1, max_size=1), st.binary(max_size=40)), max_size=20)
PLACES = st.lists(st.integers(min_value=0))
TOKENS = [bytes([number]) * 16 for number in range(1, 5)]


def cut(data: bytes, places: list[int]) -> list[memoryview]:
    """The bytes in pieces."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [memoryview(data)[start:end] for start, end in itertools.pairwise(edges)]


def reply(token: bytes, kind: bytes, payload: bytes = b"") -> bytes:
    return REPLY.pack(token, kind, 0.0, len(payload)) + payload


LOADED = b"".join(reply(NO_TOKEN, kind) for kind in STEPS)


@given(FRAMES, PLACES)
def test_frames_survive_any_cutting(frames: list[tuple[bytes, bytes]], places: list[int]) -> None:
    stream = b"".join(protocol.frame(*one) for one in frames)
    splitter = protocol.Splitter()
    cut_out = [one for piece in cut(stream, places) for one in splitter.feed(bytes(piece))]
    assert cut_out == [((kind,), payload) for kind, payload in frames]


@given(st.lists(st.binary(max_size=40), max_size=4), PLACES)
def test_a_conversation_counts_whole_answers_however_cut(
    values: list[bytes], places: list[int]
) -> None:
    one = Conversation()
    for piece in cut(LOADED, places):
        one.feed(piece)
    assert one.loaded
    for number, value in enumerate(values):
        assert one.waits
        one.call(TOKENS[number])
        *pieces, last = cut(reply(TOKENS[number], protocol.VALUE, value), places)
        for piece in pieces:
            one.feed(piece)
        assert not last or (one.answers == number and not one.waits)
        one.feed(last)
        assert one.answers == number + 1


REPLIES = st.lists(
    st.builds(
        reply,
        st.sampled_from([NO_TOKEN, *TOKENS]),
        st.sampled_from([*STEPS, *protocol.ANSWERS, b"?"]),
        st.sampled_from([b"", b"1"]),
    )
    | st.binary(max_size=40),
    max_size=8,
)


@given(REPLIES, PLACES)
def test_nothing_counts_that_was_not_asked_for(stream: list[bytes], places: list[int]) -> None:
    """Whatever a process writes, and whenever: an answer for every call, steps in their order."""
    one, calls = Conversation(), 0
    try:
        for piece in cut(b"".join(stream), places):
            one.feed(piece)
            if one.waits and calls < len(TOKENS):
                one.call(TOKENS[calls])
                calls += 1
    except ProtocolError:
        pass
    assert not one.answers or one.loaded
    assert one.answers <= sum(token in b"".join(stream) for token in TOKENS[:calls])


@pytest.mark.parametrize(
    "data",
    [
        reply(NO_TOKEN, protocol.VALUE, b"1"),
        reply(TOKENS[1], protocol.VALUE, b"1"),
        reply(TOKENS[0], protocol.LOADED),
        reply(TOKENS[0], b"?"),
        reply(TOKENS[0], protocol.VALUE, b"1") * 2,
        reply(TOKENS[0], protocol.RAISED, b"E") + b"x",
    ],
)
def test_what_nobody_asked_for_is_refused(data: bytes) -> None:
    one = Conversation()
    one.feed(memoryview(LOADED))
    one.call(TOKENS[0])
    with pytest.raises(ProtocolError):
        one.feed(memoryview(data))


@pytest.mark.parametrize(
    "data",
    [
        reply(NO_TOKEN, protocol.TAKEN, b"1"),
        reply(NO_TOKEN, protocol.CONFINED),
        reply(NO_TOKEN, protocol.RAISED, b"E"),
    ],
)
def test_what_comes_before_its_step_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        Conversation().feed(memoryview(data))


def test_a_payload_that_is_too_long_is_refused_at_its_header() -> None:
    with pytest.raises(ProtocolError):
        list(protocol.Splitter(max_payload=100).feed(protocol.HEADER.pack(b"v", 101)))
