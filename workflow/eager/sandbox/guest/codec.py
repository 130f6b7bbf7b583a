"""Python values as tagged JSON: what crosses the sandbox's boundary, in both directions.

Lists, strings, booleans, None, finite floats and integers of up to 63 bits are themselves; every
other value is an object with exactly one key, its tag. The decoder makes exact builtin values (and
numpy arrays of plain dtypes), never runs anything a reply names, and has caps on depth, digits and
hash collisions; the caller caps length and number of objects (`count_objects`) before it decodes.

Runs inside the container too: standard library and numpy only.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

MAX_DEPTH = 100
# HumanEval/83 asks for powers of ten of a million digits.
MAX_INT_BITS = 1 << 25
# Arithmetic on the parts of a fraction takes the square of their digits.
MAX_FRACTION_BITS = 4096
MAX_DECIMAL_CHARACTERS = 1000
MAX_NUMPY_DIMENSIONS = 8
# Under this many elements a set full of colliding hashes costs nothing worth refusing.
COLLISION_FREE_SIZE = 1000
NUMPY_TYPES = frozenset(
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 "
    "float16 float32 float64 complex64 complex128".split()
)
_SMALL = 1 << 63


class CodecError(ValueError):
    """A value that cannot be encoded within the caps, or a reply that is not what we speak."""


class Opaque:
    """A value that has no plain form: a generator, an object of the solution's own class.

    It equals nothing, whatever its own ``__eq__`` would have said.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, type_name: str) -> None:
        self.type_name = type_name

    def __eq__(self, other: object) -> bool:
        return False


class _Encoder:
    def __init__(self, max_nodes: int) -> None:
        self.nodes_left = max_nodes

    def spend(self, nodes: int) -> None:
        self.nodes_left -= nodes
        if self.nodes_left < 0:
            raise CodecError("too large")

    def encode(self, value: Any, depth: int = 0) -> Any:
        kind = type(value)
        if kind is str:
            self.spend(1 + len(value) // 8)
            # JSON would make one character of two halves that are two.
            return value if is_whole_text(value) else {"u": to_bytes(value).hex()}
        if kind is bool or value is None:
            return value
        if kind is int:
            return self.integer(value)
        if kind is float:
            return value if math.isfinite(value) else {"f": repr(value)}
        if depth >= MAX_DEPTH:
            raise CodecError("too deep")
        if kind is list:
            return self.items(value, depth)
        if kind is tuple:
            return {"t": self.items(value, depth)}
        return self.rarer(value, kind, depth)

    def integer(self, value: int) -> Any:
        if -_SMALL <= value < _SMALL:
            return value
        self.spend(value.bit_length() // 64)
        if value.bit_length() > MAX_INT_BITS:
            raise CodecError("too large")
        return {"i": format(value, "x")}

    def items(self, values: list[Any] | tuple[Any, ...], depth: int) -> list[Any]:
        self.spend(1 + len(values))
        kinds = set(map(type, values))
        # Nearly every answer is a flat list of one kind, checked here without a loop in Python.
        if kinds == {int}:
            if values and -_SMALL <= min(values) and max(values) < _SMALL:
                return list(values)
        elif kinds == {float} and all(map(math.isfinite, values)):
            return list(values)
        return [self.encode(value, depth + 1) for value in values]

    def parts(self, tag: str, numbers: list[int], max_bits: int) -> Any:
        if any(number.bit_length() > max_bits for number in numbers):
            raise CodecError("too large")
        return {tag: self.items(numbers, 0)}

    def rarer(self, value: Any, kind: type, depth: int) -> Any:
        encode_items = self.items
        if kind is dict:
            pairs = [list(pair) for pair in value.items()]
            self.spend(2 * len(pairs))
            return {"d": [encode_items(pair, depth + 1) for pair in pairs]}
        if kind is set:
            return {"s": encode_items(list(value), depth)}
        if kind is frozenset:
            return {"z": encode_items(list(value), depth)}
        if kind is bytes or kind is bytearray:
            self.spend(len(value) // 4)
            return {"b" if kind is bytes else "y": bytes(value).hex()}
        if kind is complex:
            return {"c": encode_items([value.real, value.imag], depth)}
        if kind is range:
            return self.parts("r", [value.start, value.stop, value.step], 63)
        if kind is Fraction:
            return self.parts("q", [value.numerator, value.denominator], MAX_FRACTION_BITS)
        if kind is Decimal:
            text = str(value)
            return {"e": text} if len(text) <= MAX_DECIMAL_CHARACTERS else {"o": "long Decimal"}
        if kind is Opaque:
            return {"o": value.type_name}
        plain = builtin_part(value)
        if plain is not value:
            return self.encode(plain, depth)
        return self.numpy(value, depth)

    def numpy(self, value: Any, depth: int) -> Any:
        numpy = sys.modules.get("numpy")
        if numpy is not None and (isinstance(value, numpy.generic) or type(value) is numpy.ndarray):
            name = value.dtype.name
            if name in NUMPY_TYPES:
                self.spend(value.size)
                flat = self.items(value.ravel().tolist(), depth)
                return {"a": [name, list(value.shape), flat]}
        return {"o": type(value).__name__[:80]}


def is_whole_text(text: str) -> bool:
    """Whether a text has no half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def to_bytes(text: str) -> bytes:
    """UTF-8, in which no two texts are the same: halves of surrogate pairs stay what they are."""
    return text.encode("utf-8", "surrogatepass")


def to_text(data: bytes) -> str:
    """What `to_bytes` was given."""
    return data.decode("utf-8", "surrogatepass")


_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_BASES: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (int, int.__index__),
    (float, float.__float__),
    (str, str.__str__),
    (list, lambda value: list(list.__iter__(value))),
    (tuple, lambda value: tuple(tuple.__iter__(value))),
    (dict, lambda value: dict(dict.items(value))),
    (set, lambda value: set(set.__iter__(value))),
    (frozenset, lambda value: frozenset(frozenset.__iter__(value))),
    (bytes, lambda value: bytes(bytes.__iter__(value))),
    (complex, lambda value: complex.__add__(value, 0j)),
)


_BUILTIN = frozenset(base for base, _ in _BASES)


def builtin_part(value: Any) -> Any:
    """The exact builtin value inside an instance of a subclass, or the value itself.

    The base class's own methods are used, so that what a subclass overrides does not count.
    """
    kind = type(value)
    for base, convert in _BASES:
        if kind is not base and issubclass(kind, base) and kind is not bool:
            return convert(value)
    return value


def is_exact(value: Any) -> bool:
    """Whether the value decodes to an object of the very type it has here."""
    return type(value) in _BUILTIN or builtin_part(value) is value


def encode(value: Any, max_nodes: int = 1 << 26) -> bytes:
    """Encode one value.

    Raises:
        CodecError: it is deeper than MAX_DEPTH or larger than max_nodes (about one per element and
            per eight characters).
    """
    if value is True or value is False or (type(value) is int and -_SMALL <= value < _SMALL):
        # Most answers, without JSON's machinery.
        return str(value).lower().encode("ascii")
    tree = _Encoder(max_nodes).encode(value)
    return _ENCODER.encode(tree).encode("ascii")


def _integer(text: str) -> int:
    if len(text) > 20:
        raise CodecError("integer of more than 20 characters without its tag")
    return int(text)


def _refuse(text: str) -> Any:
    raise CodecError(f"{text} without its tag")


def _single(pairs: list[tuple[str, Any]]) -> _Tagged:
    if len(pairs) != 1:
        raise CodecError("an object has exactly one key, its tag")
    return _Tagged(*pairs[0])


class _Tagged:
    def __init__(self, tag: str, body: Any) -> None:
        self.tag = tag
        self.body = body


_DECODER = json.JSONDecoder(
    parse_int=_integer, parse_constant=_refuse, object_pairs_hook=_single, strict=True
)


def count_objects(data: bytes) -> int:
    """At most so many objects come of decoding these bytes."""
    return 1 + sum(map(data.count, (b",", b"[", b"{")))


_OWN_DECODER = json.JSONDecoder()


def decode_own(data: bytes) -> Any:
    """Decode what our own encoder wrote: without the caps, and fast where nothing is tagged."""
    return decode(data) if b"{" in data else _OWN_DECODER.raw_decode(data.decode("ascii"))[0]


def decode(data: bytes) -> Any:
    """Decode one value that may have been written by an attacker.

    Raises:
        CodecError: it is not in this format or beyond a cap.
    """
    try:
        return _plain(_DECODER.decode(data.decode("ascii")), 0)
    except CodecError:
        raise
    except (ValueError, TypeError, ArithmeticError, RecursionError, MemoryError) as error:
        raise CodecError(f"not a value: {type(error).__name__}") from None


def _plain(tree: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise CodecError("too deep")
    if type(tree) is list:
        return [_plain(item, depth + 1) for item in tree]
    if type(tree) is not _Tagged:
        return tree
    builder = _BUILDERS.get(tree.tag)
    if builder is None:
        raise CodecError("unknown tag")
    return builder(tree.body, depth)


def _list(body: Any, depth: int, length: int | None = None) -> list[Any]:
    if type(body) is not list or (length is not None and len(body) != length):
        raise CodecError("list expected")
    return [_plain(item, depth + 1) for item in body]


def _text(body: Any, max_length: int | None = None) -> str:
    if type(body) is not str or (max_length is not None and len(body) > max_length):
        raise CodecError("string expected")
    return body


def _integers(body: Any, depth: int, length: int, max_bits: int = 63) -> Iterator[int]:
    for number in _list(body, depth, length):
        if type(number) is not int or number.bit_length() > max_bits:
            raise CodecError("integer expected")
        yield number


def _hashable(items: Iterable[Any]) -> list[Any]:
    keys = list(map(_key, items))
    # Integers and tuples can be made to collide; a few hundred thousand of them in one set would
    # keep the checker busy for hours.
    if len(keys) > COLLISION_FREE_SIZE and len(set(map(hash, keys))) * 2 < len(keys):
        raise CodecError("colliding hashes")
    return keys


def _key(value: Any) -> Any:
    """An element of a set or a key of a dict, without scalars of numpy.

    They are found under the hash of what they are, and equal what they round to: the infinity of
    float16 has the hash of 314,159.
    """
    if type(value) in (tuple, frozenset):
        return type(value)(map(_key, value))
    return value.item() if getattr(value, "shape", None) == () else value


def _dict(body: Any, depth: int) -> dict[Any, Any]:
    if type(body) is not list:
        raise CodecError("list expected")
    pairs = [_list(pair, depth + 1, 2) for pair in body]
    keys = _hashable(pair[0] for pair in pairs)
    return dict(zip(keys, (pair[1] for pair in pairs), strict=True))


def _big_integer(body: Any, _depth: int) -> int:
    return int(_text(body, MAX_INT_BITS // 4 + 2), 16)


def _nonfinite(body: Any, _depth: int) -> float:
    if body not in ("nan", "inf", "-inf"):
        raise CodecError("not a special float")
    return float(body)


def _complex(body: Any, depth: int) -> complex:
    real, imaginary = _list(body, depth, 2)
    if type(real) is not float or type(imaginary) is not float:
        raise CodecError("float expected")
    return complex(real, imaginary)


def _array(body: Any, depth: int) -> Any:
    import numpy

    if type(body) is not list or len(body) != 3 or body[0] not in NUMPY_TYPES:
        raise CodecError("not an array of a plain dtype")
    if type(body[1]) is not list or len(body[1]) > MAX_NUMPY_DIMENSIONS:
        raise CodecError("not a shape")
    shape = tuple(_integers(body[1], depth, len(body[1])))
    flat = _list(body[2], depth)
    if any(type(item) not in (bool, int, float, complex) for item in flat):
        raise CodecError("not a number")
    if math.prod(shape) != len(flat):
        raise CodecError("shape and length differ")
    return numpy.array(flat, dtype=body[0]).reshape(shape)[()]


_BUILDERS: dict[str, Callable[[Any, int], Any]] = {
    "t": lambda body, depth: tuple(_list(body, depth)),
    "s": lambda body, depth: set(_hashable(_list(body, depth))),
    "z": lambda body, depth: frozenset(_hashable(_list(body, depth))),
    "d": _dict,
    "b": lambda body, depth: bytes.fromhex(_text(body)),
    "y": lambda body, depth: bytearray.fromhex(_text(body)),
    "i": _big_integer,
    "u": lambda body, depth: to_text(bytes.fromhex(_text(body))),
    "f": _nonfinite,
    "c": _complex,
    "r": lambda body, depth: range(*_integers(body, depth, 3)),
    "q": lambda body, depth: Fraction(*_integers(body, depth, 2, MAX_FRACTION_BITS)),
    "e": lambda body, depth: Decimal(_text(body, MAX_DECIMAL_CHARACTERS)),
    "a": _array,
    "o": lambda body, depth: Opaque(_text(body, 80)),
}
