"""Which tokens the new sequences of a branch take; a method of one's own is a module here.

`methods/{name}.py` makes `{name}` a method: EAGer-init with other children. Its function
`children(top_tokens)` is given the ids of the top K tokens, the most likely first, and returns
the tokens of the new sequences, in order; the parent always keeps the first. Its rule and its line
of configuration: config/README.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from eager.util.errors import one_line

Children = Callable[[Sequence[int]], Sequence[int]]
"""(ids of the top K tokens, in order) -> ids of the tokens that new sequences take."""

TRIED = 20
"""Tokens that a method is tried on: the most that K can be."""
PACKAGE = Path(__file__).parent


def own_methods() -> tuple[str, ...]:
    """Names of the methods that are modules of this package, in alphabetical order."""
    return tuple(sorted(file.stem for file in PACKAGE.glob("[!_]*.py")))


def check_children(method: str) -> None:
    """Try a method of one's own on tokens that stand for themselves.

    Raises:
        ValueError: its module cannot be imported, or its function does not choose among tokens.
    """
    tokens = tuple(range(TRIED))
    try:
        chosen = import_module(f"{__name__}.{method}").children(tokens)
        wrong = not set(chosen) <= set(tokens)
    except Exception as error:
        raise ValueError(
            f"methods/{method}.py fails ({one_line(error)}); it needs a function "
            "children(top_tokens) that returns some of the tokens that it is given"
        ) from error
    if wrong:
        raise ValueError(
            f"methods/{method}.py: children(top_tokens) returns {chosen!r}, which is not some of "
            "the tokens that it is given"
        )


def children_of(method: str) -> Children | None:
    """What decides on the tokens that a method's branches take; None for the paper's methods."""
    if method not in own_methods():
        return None
    children: Children = import_module(f"eager.algorithm.methods.{method}").children
    return children
