"""`code_extract` against evalplus's own, which tries every range of lines."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eager.sandbox.guest.extraction import code_extract

LINES = st.sampled_from(
    [
        "def f(a):", "    return a", "    pass", "---", "Here is (the code) you want:", "I don't",
        "'''", '"""', "x = (1,", "2)", "", "  ", "```python", "```", "if x:", "    y = [", "    ]",
        "else:", "class A:", "# c", "x = 1 \\", "print(a b)", "wait", "1. foo", "match x:",
        "  case 1:", "    z", "return", "(a if b else c)", "(a", "b c)", "$", "0777", "“quote”",
        "@dec", "lambda: (yield)", "print 'a'", "'a' 'b'", "x = {", "}", "f'{x'", ")", "'#\\",
        " \\", "\tpass", "async def g():", "    await h",
    ]
)  # fmt: skip
TEXTS = st.lists(LINES | st.text("ab ('\"):\n\\=#", max_size=6), max_size=12).map("\n".join)


@given(TEXTS)
def test_the_same_code_is_found(text: str) -> None:
    sanitize = pytest.importorskip("evalplus.sanitize")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert code_extract(text) == sanitize.code_extract(text)


def test_a_string_that_a_backslash_continues() -> None:
    """Its first line alone looks as if it could never be closed."""
    code = "'#\\\n \\\n'''"
    assert code_extract("case 1:\n    z\n" + code) == code


@pytest.mark.parametrize("line", ["---", "Wait (let me think).", "I don't know.", "- a: b"])
def test_thousands_of_lines_are_no_matter(line: str) -> None:
    """evalplus's own parses each of fifty million ranges."""
    code = "def f(a):\n    return a\n"
    assert code_extract(f"{line}\n" * 10_000 + code + f"{line}\n" * 10_000) == code.rstrip("\n")
