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

from eager.util.errors import EagerError, one_line

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
        _check_chosen(method, chosen, tokens)
    except EagerError as error:
        raise ValueError(str(error)) from None
    except Exception as error:
        raise ValueError(
            f"{_path(method)} fails ({one_line(error)}); it needs a function "
            "children(top_tokens) that returns some of the tokens that it is given"
        ) from error


def _path(method: str) -> str:
    return f"workflow/eager/algorithm/methods/{method}.py"


def _check_chosen(method: str, chosen: Sequence[int], given: Sequence[int]) -> None:
    if not set(chosen) <= set(given):
        raise EagerError(
            f"{_path(method)}: children(top_tokens) returns {chosen!r}, which is not some of the "
            "tokens that it is given"
        )


def children_of(method: str) -> Children | None:
    """What decides on the tokens that a method's branches take; None for the paper's methods."""
    if method not in own_methods():
        return None
    own: Children = import_module(f"eager.algorithm.methods.{method}").children

    def children(top_tokens: Sequence[int]) -> Sequence[int]:
        # What it was tried on (`check_children`) says little of other tokens.
        chosen = own(top_tokens)
        _check_chosen(method, chosen, top_tokens)
        return chosen

    return children
