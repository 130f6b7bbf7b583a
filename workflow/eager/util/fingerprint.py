"""A hash of the code that makes a result: a change reruns the stage, a new comment does not.

The hash covers the parsed source of a module of this package and of every module of this package
it imports, by whatever statement, without comments, docstrings and layout. What is imported by a
call (importlib) is not followed.
"""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from importlib.util import resolve_name
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).parents[1]
TOP = "eager"
ASSETS = frozenset({".css", ".html", ".j2", ".js", ".rst"})
"""Endings of package data that results are made of."""
WITHOUT_RESULT = frozenset(
    {
        "config.paths",
        "config.schema",
        "config.experiment",
        "generation.progress",
        "generation.provenance",
        "generation.shards",
        "generation.signals",
        "generation.store",
        "util.errors",
        "util.fingerprint",
        "util.git",
        "util.logs",
    }
)
"""Modules that do not affect results: they write messages, distribute jobs, or hold the
configuration, whose values a rule compares itself."""


@cache
def code_fingerprint(*modules: str) -> str:
    """Hash (16 hex digits) of modules such as "decoder" and all they import from this package."""
    digest = hashlib.sha256()
    for name in modules_behind(*modules):
        digest.update(f"{name}\n{_parsed(_source(name)).code}\n".encode())
    for path in _assets({_path(name).parent for name in modules_behind(*modules)}):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


@cache
def method_fingerprint(module: str, method: str | None) -> str:
    """Hash of a module and, for a custom method, of the module that decides on its branches."""
    own = f"algorithm.methods.{method}"
    return code_fingerprint(module, *([own] if method and _path(own).exists() else []))


def modules_behind(*modules: str) -> list[str]:
    """Modules and all they import from this package that make a result, sorted by name."""
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name not in found | WITHOUT_RESULT:
            found.add(name)
            waiting += _imports(name)
    return sorted(found)


def _assets(folders: set[Path]) -> list[Path]:
    """Files besides modules that lie in folders of modules: templates, scripts, captions."""
    beside = {path for folder in folders for path in folder.iterdir()}
    # A folder of files such as captions belongs to the package, another package does not.
    inside = {
        file
        for path in beside
        if path.is_dir() and not (path / "__init__.py").exists()
        for file in path.iterdir()
    }
    return sorted(path for path in beside | inside if path.suffix in ASSETS)


def _imports(module: str) -> list[str]:
    """Modules of this package that a module imports."""
    package = module if _path(module).name == "__init__.py" else module.rpartition(".")[0]
    names: list[str] = []
    for base, name in _parsed(_source(module)).imports:
        top, _, outer = resolve_name(base, f"{TOP}.{package}".rstrip(".")).partition(".")
        if top == TOP:
            inner = f"{outer}.{name}".strip(".")
            # `from eager.sandbox import codec` imports a module, the usual form a name of one.
            names.append(inner if _path(inner).exists() else outer)
    return [name for name in names if name]


class _Parsed(NamedTuple):
    """What a source imports, and its code as a text.

    An import is a module, which begins with dots where it is relative, and a name in it; empty
    where the whole module is imported.
    """

    imports: list[tuple[str, str]]
    code: str


@cache
def _parsed(source: str) -> _Parsed:
    """A source is parsed once, however many modules import it."""
    tree = ast.parse(source)
    imports: list[tuple[str, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            imports += [(base, alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            imports += [(alias.name, "") for alias in node.names]
        body = getattr(node, "body", None)
        if isinstance(body, list):
            # A bare string is a docstring or an attribute's description: no code.
            node.body = [  # type: ignore[attr-defined]
                statement for statement in body if not _is_text(statement)
            ]
    return _Parsed(imports, ast.dump(tree))


def _is_text(statement: ast.AST) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _path(module: str) -> Path:
    file = PACKAGE.joinpath(*module.split(".")).with_suffix(".py")
    return file if file.exists() else file.with_suffix("") / "__init__.py"


def _source(module: str) -> str:
    return _path(module).read_text(encoding="utf-8")
