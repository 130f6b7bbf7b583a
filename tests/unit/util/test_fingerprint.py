"""The fingerprint of a module follows its code and its imports, not its comments."""

from __future__ import annotations

from pathlib import Path

import pytest

from eager.util import fingerprint

SOURCES = {
    "top": '"""Top."""\nfrom eager.middle import f\nfrom eager.util.logs import line\n\nX = f(1)\n',
    "middle": '"""Middle."""\n\n\ndef f(x):\n    """Double."""\n    return 2 * x\n',
    "util.logs": "line = print\n",
    "aside": "Y = 1\n",
}


def of_top(folder: Path, monkeypatch: pytest.MonkeyPatch, **changes: str) -> str:
    for name, source in (SOURCES | changes).items():
        path = folder.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
    monkeypatch.setattr(fingerprint, "PACKAGE", folder)
    fingerprint.code_fingerprint.cache_clear()
    return fingerprint.code_fingerprint("top")


def test_what_changes_it_and_what_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = of_top(tmp_path, monkeypatch)
    same = [
        {"middle": SOURCES["middle"].replace("Double", "Twice") + "# a comment\n"},
        {"middle": SOURCES["middle"].replace("\n\n\n", "\n\n")},
        {"aside": "Y = 2\n"},
        {"util.logs": "line = repr\n"},
    ]
    assert [of_top(tmp_path, monkeypatch, **change) for change in same] == [original] * 4
    other = [
        {"middle": SOURCES["middle"].replace("2 *", "3 *")},
        {"top": SOURCES["top"].replace("f(1)", "f(2)")},
    ]
    assert original not in [of_top(tmp_path, monkeypatch, **change) for change in other]
    fingerprint.code_fingerprint.cache_clear()


@pytest.mark.parametrize(
    "statement",
    [
        "from eager.methods._pick import pick",
        "from eager.methods import _pick",
        "from eager.methods import *",
        "from ._pick import pick",
        "from . import _pick",
        "from ..methods._pick import pick",
        "from .. import methods",
        "import eager.methods._pick",
        "import json, eager.methods._pick as p",
        "def f():\n    from . import _pick",
    ],
)
def test_an_import_in_any_form_is_followed(
    statement: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = {
        "top": "from eager.methods.mine import children\n",
        "methods.__init__": "from ._pick import pick\n",
        "methods.mine": statement + "\n",
    }
    found = [
        of_top(tmp_path, monkeypatch, **sources, **{"methods._pick": f"pick = {number}\n"})
        for number in (1, 2)
    ]
    assert len(set(found)) == 2
    fingerprint.code_fingerprint.cache_clear()


def test_an_import_of_something_else_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_top(tmp_path, monkeypatch, top="import aside\nimport eagerly.aside\nfrom json import tool\n")
    assert fingerprint.modules_behind("top") == ["top"]
    fingerprint.code_fingerprint.cache_clear()


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
    fingerprint.code_fingerprint.cache_clear()


def test_drawing_and_talking_modules_stay_out_of_generation() -> None:
    modules = set(fingerprint.modules_behind("generation.shard_job"))
    assert {
        "generation.decoder",
        "generation.engine",
        "algorithm.branching",
        "algorithm.allocation",
        "algorithm.entropy",
    } <= modules
    packages = {name.partition(".")[0] for name in modules}
    assert not {"report", "evaluation", "exchange", "machine", "progress"} & packages
    others = {"config.schema", "config.load", "generation.progress", "generation.provenance"}
    assert not others & modules
