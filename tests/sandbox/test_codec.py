"""What crosses the sandbox's boundary."""

from __future__ import annotations

import collections
import contextlib
import json
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eager.sandbox.guest import codec
from eager.sandbox.tasks import hash_of

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(1 << 300), max_value=1 << 300)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.complex_numbers(allow_nan=False)
    | st.fractions()
)
HASHABLE = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)
VALUES = st.recursive(
    HASHABLE,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(HASHABLE, inner, max_size=3)
        | st.sets(HASHABLE, max_size=3)
    ),
    max_leaves=8,
)


def same(left: Any, right: Any) -> bool:
    """Equal in value and, all the way down, in type."""
    if type(left) is not type(right):
        return False
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return len(left) == len(right) and all(map(same, left.items(), right.items()))
    return bool(left == right)


def count(value: Any) -> int:
    """A value's objects."""
    if isinstance(value, dict):
        return 1 + sum(count(one) for pair in value.items() for one in pair)
    return 1 + (sum(map(count, value)) if isinstance(value, (list, tuple, set, frozenset)) else 0)


@given(VALUES)
def test_values_come_back_as_they_were(value: Any) -> None:
    """And of their encoding nobody expects fewer objects than they are."""
    encoded = codec.encode(value)
    assert same(codec.decode(encoded), value)
    assert count(value) <= codec.count_objects(encoded)


JSON_TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from("tszdbyifcrqeaoxk"), inner, min_size=1, max_size=2)
    ),
    max_leaves=12,
)


@given(JSON_TREES.map(lambda tree: json.dumps(tree).encode()) | st.binary(max_size=200))
def test_any_bytes_are_plain_data_or_refused(data: bytes) -> None:
    with contextlib.suppress(codec.CodecError):
        assert_plain(codec.decode(data))


PLAIN = (
    type(None), bool, int, float, complex, str, bytes, bytearray, range, Fraction, Decimal,
    codec.Opaque, np.ndarray, np.generic,
)  # fmt: skip


def assert_plain(value: Any) -> None:
    """Nothing but exact builtins, and arrays of plain numbers."""
    if type(value) in (list, tuple, set, frozenset):
        for part in value:
            assert_plain(part)
    elif type(value) is dict:
        assert_plain(list(value.items()))
    else:
        assert type(value) in PLAIN or isinstance(value, np.generic)


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b"[" * 200 + b"]" * 200,
        b"NaN",
        b"Infinity",
        b"1" * 21,
        b'{"t":[],"s":[]}',
        b'{"t":[],"t":[]}',
        b"{}",
        b'{"q":[1,0]}',
        b'{"i":"zz"}',
        b'{"e":"' + b"1" * 2000 + b'"}',
        b'{"a":["object",[1],[1]]}',
        b'{"a":["int64",[2,2],[1]]}',
        b'{"a":["int64",[-1],[]]}',
        b'{"a":["int8",[1],["1"]]}',
        b'{"d":[[[],1]]}',
        b'{"s":[[]]}',
        b"\xff",
        b"",
        b"1 2",
    ],
)
def test_malformed_replies_are_refused(data: bytes) -> None:
    with pytest.raises(codec.CodecError):
        codec.decode(data)


def test_colliding_hashes_are_refused() -> None:
    prime = (1 << 61) - 1
    colliding = ",".join(f'{{"i":"{k * prime:x}"}}' for k in range(1, 5000))
    with pytest.raises(codec.CodecError, match="colliding"):
        codec.decode(f'{{"s":[{colliding}]}}'.encode())


def test_values_without_end_are_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(codec.CodecError, match="deep"):
        codec.encode(loop)
    wide: list[Any] = [1]
    for _ in range(40):
        wide = [wide, wide]
    with pytest.raises(codec.CodecError, match="large"):
        codec.encode(wide, max_nodes=10_000)
    with pytest.raises(codec.CodecError, match="large"):
        codec.encode(1 << 100_000_000)


class Liar(int):
    """An int that says it is five."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__

    def __index__(self) -> int:
        return 5


def test_a_subclass_is_evaluated_by_what_it_holds() -> None:
    assert codec.decode(codec.encode(Liar(3))) == 3
    assert not codec.is_exact(Liar(3))
    assert codec.is_exact(3)
    assert codec.decode(codec.encode(collections.Counter("aab"))) == {"a": 2, "b": 1}


def test_halves_of_characters_stay_halves() -> None:
    """In JSON two of them are the character that they would be together."""
    halves, whole = "\ud83d\ude00", "\U0001f600"
    for text in (halves, whole, "a\ud800", "\udfff\U0001f600\ud800"):
        assert codec.decode(codec.encode({text: [text]})) == {text: [text]}
        assert codec.to_text(codec.to_bytes(text)) == text
    assert codec.encode(halves) != codec.encode(whole)
    assert hash_of(halves) != hash_of(whole)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (range(1 << 64), f'{{"r":[0,{{"i":"{1 << 64:x}"}},1]}}'),
        (range(0, 3, 1 << 64), f'{{"r":[0,3,{{"i":"{1 << 64:x}"}}]}}'),
        (Fraction(1, (1 << 5000) + 1), f'{{"q":[1,{{"i":"{1 << 5000:x}"}}]}}'),
    ],
)
def test_numbers_that_cost_the_square_of_their_digits_are_refused(value: Any, written: str) -> None:
    with pytest.raises(codec.CodecError):
        codec.encode(value)
    with pytest.raises(codec.CodecError):
        codec.decode(written.encode())


def test_values_that_are_not_builtin() -> None:
    opaque = codec.decode(codec.encode(object()))
    assert isinstance(opaque, codec.Opaque)
    assert opaque != opaque
    assert opaque.type_name == "object"
    assert isinstance(codec.decode(codec.encode(Decimal((0, (1,) * 2000, 0)))), codec.Opaque)
    single = codec.decode(codec.encode(np.float32(0.1)))
    assert type(single) is np.float32
    assert single == np.float32(0.1)
    array = codec.decode(codec.encode(np.arange(6).reshape(2, 3)))
    assert (array.dtype, array.tolist()) == (np.int64, [[0, 1, 2], [3, 4, 5]])
    assert math.isnan(codec.decode(codec.encode(math.nan)))
