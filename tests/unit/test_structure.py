"""Conventions that no linter checks: sizes, one voice of messages, the code map, dependencies."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.support.repository import ROOT, imported_modules

PACKAGE = ROOT / "workflow/eager"
LONGEST_FILE = 600
LONGEST_FUNCTION = 60
LONGEST_SNAKEFILE = 50
# A command's docstring is its help.
COMMANDS = ("cli",)
# They begin a message with a capital letter because their names do.
NAMES = ("Docker", "Podman")


def sources(*patterns: str) -> list[Path]:
    folders = (ROOT / "workflow", ROOT / "tests")
    return sorted(
        path for folder in folders for pattern in patterns for path in folder.rglob(pattern)
    )


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines_of(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_no_file_is_long() -> None:
    files = sources("*.py", "*.smk", "*.js", "*.css", "*.j2")
    assert len(files) > 100
    assert {str(p): n for p in files if (n := lines_of(p)) > LONGEST_FILE} == {}
    assert lines_of(ROOT / "workflow/Snakefile") < LONGEST_SNAKEFILE


def test_no_function_is_long() -> None:
    found = {
        f"{path}:{function.name}": length
        for path in sources("*.py")
        for function in functions(path)
        if (length := (function.end_lineno or 0) - function.lineno + 1) > LONGEST_FUNCTION
    }
    assert found == {}


def test_public_functions_say_what_they_raise() -> None:
    silent = [
        f"{path.relative_to(ROOT)}:{function.name}"
        for path in sources("*.py")
        if PACKAGE in path.parents and path.stem not in COMMANDS
        for function in functions(path)
        if not function.name.startswith("_")
        and any(isinstance(node, ast.Raise) and node.exc for node in _own_nodes(function))
        # "See `Interface.method`." points to where it stands.
        and not re.search("[Rr]aise|^See `", ast.get_docstring(function) or "raises")
    ]
    assert silent == []


def _own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """Nodes of a function without those of functions inside it."""
    for node in ast.iter_child_nodes(function):
        if not isinstance(node, ast.FunctionDef | ast.Lambda):
            yield node
            yield from _own_nodes(node)


def raised_messages() -> list[tuple[str, str]]:
    """Place and text of every message for people; what is filled in stands as {}."""
    found = []
    for path in sources("*.py"):
        if PACKAGE not in path.parents:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            if getattr(node.func, "id", "") not in ("EagerError", "EngineUnavailable"):
                continue
            text = re.sub(r"\{[^{}]*\}", "{}", "".join(_texts(node.args[0])))
            if text:
                found.append((f"{path.relative_to(ROOT)}:{node.lineno}", text))
    return found


def _texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant):
        yield str(node.value)
    elif isinstance(node, ast.JoinedStr):
        for part in node.values:
            yield from _texts(part) if isinstance(part, ast.Constant) else ["{}"]
    elif isinstance(node, ast.BinOp):
        yield from _texts(node.left)
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)


def test_messages_have_one_voice() -> None:
    messages = raised_messages()
    assert len(messages) > 60
    capital = [
        (place, text)
        for place, text in messages
        if text[0].isupper() and not text.startswith(NAMES) and not text.split()[0].isupper()
    ]
    assert capital == [], "a message goes on after `error: `: begin it with a small letter"
    assert [found for found in messages if found[1].endswith(".")] == [], "no full stop at the end"


def test_no_module_imports_a_test() -> None:
    """What tests share is in tests/support; fixtures of a conftest.py come by their names."""
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / "tests").rglob("*.py")
        for name in imported_modules(path)
        if name.startswith((".", "tests")) and re.search(r"\.(test_\w+|conftest)(\.|$)", name)
    ]
    assert found == []


def section(heading: str) -> str:
    """Text of a section of CONTRIBUTING.md."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    return text.split(f"## {heading}\n")[1].split("\n## ")[0]


def packages() -> list[Path]:
    return sorted(path.parent for path in PACKAGE.glob("*/__init__.py"))


def first_sentence(package: Path) -> str:
    """The first paragraph of what a package says of itself."""
    text = (package / "__init__.py").read_text()
    return " ".join((ast.get_docstring(ast.parse(text)) or "").split("\n\n")[0].split())


def test_the_code_map_is_the_list_of_packages() -> None:
    found = {f"- `{path.name}/`: {first_sentence(path)}" for path in packages()}
    mapped = {line for line in section("Code map").splitlines() if line.startswith("- `")}
    assert mapped == found


def names_of(path: Path) -> Iterator[str]:
    """Classes, functions and constants that a module defines."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def test_every_term_is_defined_once() -> None:
    rows = re.findall(r"^\| [a-z]+ \| .* \| `(.*)`: `(\w+)` \|$", section("Terms"), re.MULTILINE)
    assert 20 <= len(rows) <= 25
    defined: dict[str, list[str]] = {name: [] for _, name in rows}
    for path in PACKAGE.rglob("*.py"):
        for name in names_of(path):
            defined.get(name, []).append(path.relative_to(PACKAGE).as_posix())
    assert defined == {name: [module] for module, name in rows}


def test_every_package_has_a_layer() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = " ".join(contracts["contracts"][0]["layers"]).replace("|", " ").split()
    assert sorted(layers) == sorted(["__main__", "cli", *(path.name for path in packages())])


def test_every_dependency_is_explained() -> None:
    asked = set()
    for path in (ROOT / "envs").glob("*.in"):
        for line in path.read_text().splitlines():
            if name := re.match(r"[A-Za-z0-9._-]+", line.split("#")[0]):
                asked.add(name[0])
    explained = re.findall(r"^\| `([A-Za-z0-9._-]+)` \|", section("Dependencies"), re.MULTILINE)
    assert sorted(explained) == sorted(asked)
