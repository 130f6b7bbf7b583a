"""The identity of code follows what a result is decided by, and nothing else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from eager.util import fingerprint
from tests.support.repository import ROOT

SOURCES = {
    "top": (
        '"""Top."""\nfrom eager.middle import f\nfrom eager.util.logs import line\n'
        'import eager.config.keys as keys\n\nX = f(1) + keys.LIMIT\nline("begin")\n'
    ),
    "middle": (
        '"""Middle."""\nfrom eager.util.errors import EagerError\n\n\n'
        'def f(x: int, log=print):\n    """Double."""\n    if x < 0:\n'
        '        raise EagerError(f"{x}: is negative")\n    log("doubling")\n    return g(x)\n\n\n'
        "def g(x):\n    return 2 * x\n\n\ndef unused(x):\n    return x\n"
    ),
    "config.keys": "LIMIT = 3\n\n\nclass Keys:\n    limit: int = Field(3, description='at most')\n",
    "util.logs": "line = print\n",
    "util.errors": "class EagerError(Exception): ...\n",
    "__init__": "",
    "aside": "Y = 1\n",
}


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    yield
    clear()


def clear() -> None:
    for cached in ("code_fingerprint", "code_identity", "_definition", "_module"):
        getattr(fingerprint, cached).cache_clear()


def of_top(folder: Path, monkeypatch: pytest.MonkeyPatch, **changes: str) -> str:
    for name, source in (SOURCES | changes).items():
        path = folder.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
    monkeypatch.setattr(fingerprint, "PACKAGE", folder)
    clear()
    return fingerprint.code_fingerprint("top")


def changed(module: str, old: str, new: str) -> dict[str, str]:
    assert old in SOURCES[module]
    return {module: SOURCES[module].replace(old, new)}


@pytest.mark.parametrize(
    "change",
    [
        changed("middle", "Double", "Twice"),
        changed("middle", "return 2 * x", "return 2 * x  # a comment"),
        changed("middle", "\n\n\n", "\n\n"),
        changed("middle", "is negative", "is below 0"),
        changed("middle", "doubling", "twice"),
        changed("middle", "x: int", "x: float"),
        changed("middle", "def unused(x)", "def unused(x, y)"),
        changed("config.keys", "at most", "the largest"),
        changed("config.keys", "limit: int = Field(3,", "other: int = Field(4,"),
        {"aside": "Y = 2\n"},
        {"util.logs": "line = repr\n"},
        {
            "middle": "from eager.moved import g\n" + SOURCES["middle"].replace(
                "def g(x):\n    return 2 * x\n", ""
            ),
            "moved": "def g(x):\n    return 2 * x\n",
        },
    ],
)  # fmt: skip
def test_what_decides_nothing_changes_nothing(
    change: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = of_top(tmp_path, monkeypatch)
    assert of_top(tmp_path, monkeypatch, **change) == original


@pytest.mark.parametrize(
    "change",
    [
        changed("middle", "2 *", "3 *"),
        changed("middle", "x < 0", "x <= 0"),
        changed("middle", "return g(x)", "return unused(x)"),
        changed("top", "f(1)", "f(2)"),
        changed("top", "import f", "import unused as f"),
        changed("config.keys", "LIMIT = 3", "LIMIT = 4"),
        {"middle": SOURCES["middle"] + "\n\ng.factor = 2\n"},
        {"middle": SOURCES["middle"] + "\n\nprint(3)\n"},
        {"middle": SOURCES["middle"] + "\n\nif f:\n    def g(x):\n        return 5 * x\n"},
    ],
)
def test_what_decides_the_result_changes_it(
    change: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = of_top(tmp_path, monkeypatch)
    assert of_top(tmp_path, monkeypatch, **change) != original


def test_two_definitions_that_change_places_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = {"one": "def h():\n    return 1\n", "two": "def h():\n    return 2\n"}
    top = "from eager.{} import h as a\nfrom eager.{} import h as b\nX = a() - b()\n"
    found = [
        of_top(tmp_path, monkeypatch, **both, top=top.format(*order))
        for order in (("one", "two"), ("two", "one"))
    ]
    assert len(set(found)) == 2


@pytest.mark.parametrize(
    "statement",
    [
        "from eager.methods._pick import pick\nX = pick",
        "from eager.methods import _pick\nX = _pick.pick",
        "from eager.methods import *\nX = pick",
        "from ._pick import pick\nX = pick",
        "from . import _pick\nX = [_pick]",
        "from ..methods._pick import pick as p\nX = p",
        "from .. import methods\nX = methods.pick",
        "import eager.methods._pick\nX = eager.methods._pick.pick",
        "import json, eager.methods._pick as p\nX = p.pick",
        "def f():\n    from . import _pick\n    return _pick.pick",
        "X: 'int'\ndef f(x: pick): ...\nfrom . import pick",
    ],
)
def test_an_import_in_any_form_is_followed(
    statement: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = {
        "top": "from eager.methods.mine import X, f\nY = X, f\n",
        "methods.__init__": "from ._pick import pick\n",
        "methods.mine": statement + "\n",
    }
    found = [
        of_top(tmp_path, monkeypatch, **sources, **{"methods._pick": f"pick = {number}\n"})
        for number in (1, 2)
    ]
    assert len(set(found)) == 2


def test_an_import_of_something_else_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "import aside\nimport eagerly.aside\nfrom json import tool\nX = aside.Y, tool\n"
    of_top(tmp_path, monkeypatch, top=source)
    assert {place.module for place in fingerprint.definitions("top")} == {"top"}


def test_a_root_that_is_not_there_is_told() -> None:
    with pytest.raises(KeyError, match="no such definition"):
        fingerprint.definitions("generation.decoder:Nothing")


def test_a_template_or_script_beside_a_module_counts_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [of_top(tmp_path, monkeypatch)]
    for name in ("page.html.j2", "page.js", "captions/x.rst"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("text")
        found.append(of_top(tmp_path, monkeypatch))
    (tmp_path / "notes.txt").write_text("text")
    assert len(set(found)) == 4
    assert of_top(tmp_path, monkeypatch) == found[-1]


def test_tokens_are_decided_by_the_method_and_the_decoder() -> None:
    found = {
        f"{place.module}:{place.name}"
        for place in fingerprint.definitions(*fingerprint.ROOTS["tokens"])
    }
    assert {
        "algorithm.branching:PromptTree",
        "algorithm.entropy:RunningThreshold",
        "algorithm.rules:RULES",
        "algorithm.allocation:next_round",
        "config.settings:THINK_MARKER",
        "generation.decoder:request_seed",
        "generation.engine:VllmEngine",
        "generation.records:tree_tables",
    } <= found
    modules = {name.partition(":")[0] for name in found}
    assert not {"report", "evaluation", "exchange", "machine", "progress"} & {
        m.partition(".")[0] for m in modules
    }
    others = {"config.schema", "generation.store", "generation.progress", "generation.provenance"}
    assert not others & modules


def test_programs_are_judged_by_the_sandbox_inside_and_outside() -> None:
    modules = {place.module for place in fingerprint.definitions(*fingerprint.ROOTS["programs"])}
    assert {"sandbox.session", "sandbox.checker", "sandbox.engines.containers"} <= modules
    guest = {
        f"sandbox.guest.{path.stem}"
        for path in (ROOT / "workflow/eager/sandbox/guest").glob("*.py")
    }
    assert guest - {"sandbox.guest.__init__"} <= modules


@pytest.mark.parametrize("kind", ["tokens", "answers", "programs"])
def test_an_operator_of_the_code_itself_is_seen(
    kind: fingerprint.Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any comparison in any definition behind a kind of result, replaced in the parsed source."""
    roots = fingerprint.ROOTS[kind]
    original = fingerprint.code_fingerprint(*roots)
    places = [
        (place, compare)
        for place in fingerprint.definitions(*roots)
        for statement in fingerprint._module(place.module).statements.get(place.name, [])
        for compare in ast.walk(fingerprint._WithoutTexts().visit(statement))
        if isinstance(compare, ast.Compare)
    ]
    assert len(places) > 30
    for place, compare in places[:: len(places) // 4]:
        before = compare.ops
        compare.ops = [ast.Lt() if isinstance(op, ast.Gt) else ast.Gt() for op in before]
        fingerprint._definition.cache_clear()
        fingerprint.code_fingerprint.cache_clear()
        assert fingerprint.code_fingerprint(*roots) != original, place
        compare.ops = before
