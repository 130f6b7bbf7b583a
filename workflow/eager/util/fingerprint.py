"""Identity of the code that makes a result: what decides it changes it, and nothing else does.

The identity covers definitions, not files: the functions, classes and constants that a result
begins with, and all of this package that they refer to, directly or through others. They are
compared in a normal form, without comments, docstrings, annotations, descriptions of keys, and
texts of errors and log lines. A helper that nothing calls, or a definition that is moved to another
module, changes nothing. What is imported by a call (importlib) is not followed.

Results that are expensive have generations besides: `generations.json` lists the hashes of code
that is known to give the same results (`make same-tokens`). A hash that is listed counts as the
number of its generation; one that is not, such as that of a change of one's own, as itself.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from importlib.util import resolve_name
from pathlib import Path
from typing import Literal, NamedTuple

PACKAGE = Path(__file__).parents[1]
TOP = "eager"
ASSETS = frozenset({".css", ".html", ".j2", ".js", ".rst"})
"""Endings of package data that results are made of."""
WITHOUT_RESULT = ("containers.", "util.errors", "util.fingerprint", "util.git", "util.logs")
"""Modules that affect no result: messages, and how a step is run."""
VALUES = "config."
"""Classes of this package hold settings, whose values a result is compared with themselves."""
TEXT_KEYWORDS = frozenset({"description", "help"})
LOGS = frozenset({"print", "say", "log", "_log", "debug", "info", "warning", "error", "exception"})
MESSAGE_ONLY = "EagerError"
"""An exception that carries a text for people and nothing else."""
ROUNDS = 8
"""How far apart two definitions of one text may differ in what they refer to and be told apart."""

Kind = Literal["tokens", "answers", "programs"]
ROOTS: dict[Kind, tuple[str, ...]] = {
    "tokens": (
        "generation.decoder:Decoder",
        "generation.engine:VllmEngine",
        "generation.records:tree_tables",
        "generation.work:_first_rounds",
        "generation.work:_budgeted_rounds",
    ),
    "answers": ("evaluation.answers.verdicts:judge",),
    "programs": (
        "evaluation.programs:evaluate_programs",
        "sandbox.guest.boot",
        "sandbox.comparing:main",
        "sandbox.guest.harness:main",
    ),
}
"""Where the code begins that decides tokens, verdicts of answers and verdicts of programs."""
GENERATIONS = Path(__file__).with_name("generations.json")


class Place(NamedTuple):
    """A definition: the module and the name it binds; an empty name: what a module does itself."""

    module: str
    name: str


@cache
def code_identity(kind: Kind, method: str | None = None) -> str:
    """Identity of the code behind a kind of result: its generation, such as "tokens 3", or a hash.

    Args:
        kind: what the code decides.
        method: one that decides on its branches in a module of its own adds that module's hash.
    """
    known = json.loads(GENERATIONS.read_text(encoding="utf-8"))[kind]
    found = code_fingerprint(*ROOTS[kind])
    numbers = [number for number, hashes in enumerate(known, start=1) if found in hashes]
    shared = f"{kind} {numbers[-1]}" if numbers else found
    own = f"algorithm.methods.{method}"
    return f"{shared} {code_fingerprint(own)}" if method and _path(own).exists() else shared


@cache
def code_fingerprint(*roots: str) -> str:
    """Hash (16 hex digits) of the code that begins with modules or definitions.

    Args:
        roots: such as "generation.gather", which is all of a module, or "data.models:fetch_model".

    Raises:
        KeyError: there is no such definition.
    """
    found = definitions(*roots)
    labels = {place: node.code for place, node in found.items()}
    for _ in range(ROUNDS):
        labels = {
            place: _hash(node.code, *(f"{name} {labels[to]}" for name, to in node.references))
            for place, node in found.items()
        }
    parts = sorted(labels.values())
    for path in _assets({_path(place.module).parent for place in found}):
        parts.append(path.relative_to(PACKAGE).as_posix() + _hash(path.read_bytes().hex()))
    return _hash(*parts)[:16]


def definitions(*roots: str) -> dict[Place, Definition]:
    """All definitions behind some modules or definitions, by place.

    Raises:
        KeyError: there is no such definition.
    """
    waiting = [place for root in roots for place in _named(root)]
    found: dict[Place, Definition] = {}
    while waiting:
        place = waiting.pop()
        if place not in found:
            found[place] = _definition(place)
            waiting += [to for _, to in found[place].references]
    return found


class Definition(NamedTuple):
    """The normal form of a definition, and what it refers to in this package, by the name used."""

    code: str
    references: tuple[tuple[str, Place], ...]


def _named(root: str) -> list[Place]:
    module, _, name = root.partition(":")
    if not name:
        return [Place(module, each) for each in ("", *_module(module).statements)]
    place = _binding(module, name)
    if place is None:
        raise KeyError(f"{root}: no such definition")
    return [place]


@cache
def _definition(place: Place) -> Definition:
    statements = _module(place.module).statements.get(place.name, _module(place.module).rest)
    referred = {
        (name, to)
        for statement in statements
        for name, to in _references(place.module, statement)
        if to != place
    }
    if place.name and _module(place.module).rest:
        referred.add(("", Place(place.module, "")))
    code = "\n".join(_text(_Normal().visit(deepcopy(statement))) for statement in statements)
    return Definition(code, tuple(sorted(referred)))


def _references(module: str, statement: ast.stmt) -> Iterator[tuple[str, Place]]:
    """What a statement refers to, annotations included: they name what it is given."""
    inside: set[int] = set()
    for node in ast.walk(_WithoutTexts().visit(deepcopy(statement))):
        if id(node) in inside or not isinstance(node, ast.Attribute | ast.Name):
            continue
        words: list[str] = []
        base: ast.expr = node
        while isinstance(base, ast.Attribute):
            words.insert(0, base.attr)
            base = base.value
            inside.add(id(base))
        if isinstance(base, ast.Name) and isinstance(base.ctx, ast.Load):
            for place in filter(_counts, _places(module, base.id, words)):
                yield ".".join([base.id, *words]), place


def _places(module: str, name: str, attributes: list[str]) -> list[Place]:
    """What a name means in a module: a definition, or one of, or all of another module."""
    place = _binding(module, name)
    if place is not None and place.name:
        return [place]
    if place is None:
        return []
    for attribute in attributes:
        inner = _binding(place.module, attribute) or _submodule(place.module, attribute)
        if inner is None:
            break
        place = inner
        if place.name:
            return [place]
    return [Place(place.module, each) for each in ("", *_module(place.module).statements)]


def _binding(module: str, name: str) -> Place | None:
    """The definition that a name is in a module, however often it was imported on the way."""
    parsed = _module(module)
    if name in parsed.statements:
        return Place(module, name)
    if name in parsed.imports:
        base, inner = parsed.imports[name]
        if not inner:
            return Place(base, "")
        return _binding(base, inner) or _submodule(base, inner)
    return next(filter(None, (_binding(base, name) for base in parsed.stars)), None)


def _submodule(package: str, name: str) -> Place | None:
    inner = f"{package}.{name}".strip(".")
    return Place(inner, "") if _path(inner).exists() else None


def _counts(place: Place) -> bool:
    if place.module.startswith(WITHOUT_RESULT):
        return False
    statements = _module(place.module).statements.get(place.name, [])
    is_class = any(isinstance(statement, ast.ClassDef) for statement in statements)
    return not (is_class and place.module.startswith(VALUES))


@dataclass
class _Module:
    """A parsed module: statements by the name that they bind or change, and the rest.

    `imports`: by local name, a module of this package and a name in it, or an empty one.
    `stars`: modules whose names are all imported.
    """

    statements: dict[str, list[ast.stmt]] = field(default_factory=dict)
    rest: list[ast.stmt] = field(default_factory=list)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)


@cache
def _module(name: str) -> _Module:
    parsed = _Module()
    tree = ast.parse(_path(name).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            base = _inside(name, "." * node.level + (node.module or ""))
            if base is not None:
                names = [(alias.asname or alias.name, alias.name) for alias in node.names]
                parsed.stars += [base for _, inner in names if inner == "*"]
                parsed.imports |= {local: (base, inner) for local, inner in names if inner != "*"}
        elif isinstance(node, ast.Import):
            for alias in node.names:
                base = _inside(name, alias.name)
                if base:
                    parsed.imports[alias.asname or TOP] = (base, "")
    for statement in tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom) or _is_text(statement):
            continue
        bound = _bound(statement)
        for each in bound:
            parsed.statements.setdefault(each, []).append(statement)
        if not bound:
            parsed.rest.append(statement)
    return parsed


def _bound(statement: ast.stmt) -> set[str]:
    """Names that a statement of a module binds, or whose value it changes."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    names = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            names |= {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
    return names


def _inside(module: str, imported: str) -> str | None:
    """A module of this package as its dotted name below the package; None: another package."""
    package = module if _path(module).name == "__init__.py" else module.rpartition(".")[0]
    top, _, inner = resolve_name(imported, f"{TOP}.{package}".rstrip(".")).partition(".")
    return inner if top == TOP else None


class _WithoutTexts(ast.NodeTransformer):
    """Leaves out what is written for people."""

    def visit(self, node: ast.AST) -> ast.AST:
        """Leave out bare strings: docstrings, and descriptions of attributes."""
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [each for each in body if not _is_text(each)]  # type: ignore[attr-defined]
        visited: ast.AST = super().visit(node)
        return visited

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Leave out descriptions, and the texts of errors and log lines."""
        node.keywords = [word for word in node.keywords if word.arg not in TEXT_KEYWORDS]
        called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        called = node.func.id if isinstance(node.func, ast.Name) else called
        if called == MESSAGE_ONLY:
            node.args = []
        elif called in LOGS or called.endswith(("Error", "Exception")):
            node.args = [_Blank().visit(argument) for argument in node.args]
        return self.generic_visit(node)


class _Normal(_WithoutTexts):
    """Leaves out annotations of functions besides."""

    def visit_arg(self, node: ast.arg) -> ast.AST:
        """Leave out the annotation of an argument."""
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Leave out the annotation of what is returned."""
        node.returns = None
        return self.generic_visit(node)


class _Blank(ast.NodeTransformer):
    """Empties texts."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant("") if isinstance(node.value, str) else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:  # noqa: ARG002 - the name that ast asks for
        return ast.Constant("")


def _text(node: object) -> str:
    """A syntax tree as a text that every version of Python writes in the same way."""
    if isinstance(node, list):
        return f"[{', '.join(map(_text, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    given = [(name, value) for name, value in ast.iter_fields(node) if value not in (None, [])]
    return f"{type(node).__name__}({', '.join(f'{name}={_text(value)}' for name, value in given)})"


def _is_text(statement: ast.AST) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


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


def _path(module: str) -> Path:
    file = PACKAGE.joinpath(*module.split(".")).with_suffix(".py")
    return file if file.exists() else file.with_suffix("") / "__init__.py"


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
