"""Good input, damaged at random: bytes, values in JSON, and what is made of them.

EAGER_FUZZ_EXAMPLES says how many inputs each test tries; without it they are few and the same at
every run, so that CI is short and reproducible.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from eager.util.errors import EagerError

T = TypeVar("T")
GIVEN = os.environ.get("EAGER_FUZZ_EXAMPLES")
TALLY: Counter[tuple[str, str]] = Counter()
"""Inputs by kind and outcome, for the summary at the end."""

HOSTILE_TEXTS = [
    "", " ", "\t", "\0", "nan", "NaN", "null", "\ud800", "\u202e", "\ufeff", "../x", "README.md",
    "a" * 300, "[" * 50, '"', "'", "\n", "1e999", "-1", "0", "1_000", "\\boxed{", "####", "½", "#",
    "__class__", "(C)", "C.", "[{", "[[1]]", "1" * 4000,
]  # fmt: skip
HOSTILE_NUMBERS = [0, -1, 1, 2**31, 2**63, 10**30, 0.5, -0.0, 1e308, float("nan"), float("inf")]
HOSTILE_BYTES = [
    b"\0", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\r", b"\n", b"\t", b'"', b"{", b"}", b"[",
    b"]", b":", b"- ", b"#", b"&a ", b"*a", b"<<: ", b"!!python/object:os.system ", b"NaN",
    b"\x1f\x8b", b"PAR1", b"null", b"\\ud800", b"...\n", b"---\n", b"? ", b"%", b"@",
    b"\xe2\x80\xa8", b"true",
]  # fmt: skip


def fuzz(share: float = 1.0) -> settings:
    """Settings of a test; `share` of the usual number of inputs, for what takes longer."""
    return settings(
        max_examples=max(10, round(share * int(GIVEN or 200))),
        deadline=None,
        derandomize=GIVEN is None,
        suppress_health_check=list(HealthCheck),
    )


def attempt(kind: str, call: Callable[[], T]) -> T | None:
    """What a reader makes of an input; None if it refuses. Any exception but `EagerError` fails.

    A message must be one that can be printed, of a length that people read.
    """
    try:
        result = call()
    except EagerError as error:
        TALLY[kind, "refused"] += 1
        message = str(error)
        assert message.strip()
        assert "Traceback" not in message
        assert max(map(len, message.splitlines())) < 3000
        return None
    TALLY[kind, "accepted"] += 1
    return result


def json_values() -> st.SearchStrategy[Any]:
    """Any JSON value, hostile ones often."""
    leaves = (
        st.none()
        | st.booleans()
        | st.integers(-9, 99)
        | st.floats()
        | st.text(max_size=8)
        | st.sampled_from(HOSTILE_TEXTS)
        | st.sampled_from(HOSTILE_NUMBERS)
    )
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.text(max_size=4) | st.sampled_from(HOSTILE_TEXTS), inner, max_size=3
            )
        ),
        max_leaves=6,
    )


@st.composite
def damaged_bytes(draw: st.DrawFn, content: bytes) -> bytes:
    """A file with one to three faults: bits, cuts, repeats, insertions, another encoding."""
    for _ in range(draw(st.integers(1, 3))):
        content = draw(_fault(content))
    return content


@st.composite
def _fault(draw: st.DrawFn, content: bytes) -> bytes:
    start = draw(st.integers(0, len(content)))
    end = min(len(content), start + draw(st.integers(0, 40)))
    way = draw(st.sampled_from(["flip", "cut", "repeat", "insert", "truncate", "swap", "encode"]))
    if way == "flip" and start < len(content):
        flipped = content[start] ^ (1 << draw(st.integers(0, 7)))
        return content[:start] + bytes([flipped]) + content[start + 1 :]
    if way == "cut":
        return content[:start] + content[end:]
    if way == "repeat":
        return content[:end] + content[start:end] * draw(st.integers(1, 3)) + content[end:]
    if way == "truncate":
        return content[:start]
    if way == "swap":
        return content[:start] + draw(st.binary(max_size=end - start)) + content[end:]
    if way == "encode":
        text = content.decode("utf-8", errors="replace")
        return text.encode(draw(st.sampled_from(["utf-16", "utf-16-be", "utf-32", "utf-8-sig"])))
    return content[:start] + draw(st.sampled_from(HOSTILE_BYTES)) + content[start:]


@st.composite
def damaged_json(draw: st.DrawFn, value: Any) -> Any:
    """A value with one to three faults: parts replaced, removed, added, wrapped or repeated."""
    value = json.loads(json.dumps(value))
    for _ in range(draw(st.integers(1, 3))):
        value = draw(_fault_in(value))
    return value


@st.composite
def _fault_in(draw: st.DrawFn, value: Any) -> Any:
    """One fault, somewhere in the tree."""
    if isinstance(value, dict | list) and value and draw(st.integers(0, 5)):
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = draw(st.sampled_from(keys))
        changed = value.copy()
        way = draw(st.sampled_from(["inside", "inside", "inside", "remove", "add"]))
        if way == "inside":
            changed[key] = draw(_fault_in(value[key]))
        elif way == "remove":
            del changed[key]
        elif isinstance(changed, dict):
            changed[draw(st.text(max_size=6))] = draw(json_values())
        else:
            changed.insert(key, draw(json_values()))
        return changed
    other = draw(st.sampled_from(["replace", "wrap", "text"]))
    if other == "wrap":
        return [value]
    return json.dumps(value) if other == "text" else draw(json_values())
