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

Children = Callable[[Sequence[int]], Sequence[int]]
"""(ids of the top K tokens, in order) -> ids of the tokens that new sequences take."""

PACKAGE = Path(__file__).parent


def own_methods() -> tuple[str, ...]:
    """Names of the methods that are modules of this package, in alphabetical order."""
    return tuple(sorted(file.stem for file in PACKAGE.glob("[!_]*.py")))


def children_of(method: str) -> Children | None:
    """What decides on the tokens that a method's branches take; None for the paper's methods."""
    if method not in own_methods():
        return None
    children: Children = import_module(f"eager.algorithm.methods.{method}").children
    return children
