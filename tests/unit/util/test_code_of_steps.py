"""What a change of this package's own source does to the identity of each step's code."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eager.util import fingerprint
from tests.support.repository import ROOT

HELPER = "\n\ndef unused_helper(x):\n    return x + 1\n"
RUN_WHOLE = re.compile(r'exec\(compile\(|__name__ == "__main__"')
"""Of what is run as a program, all counts."""
KINDS = ("tokens", "answers", "programs")
ENTRIES = re.findall(
    r'made_by\(\s*"([a-z_.]+:\w+)"',
    "".join(path.read_text() for path in sorted((ROOT / "workflow/rules").glob("*.smk"))),
)
"""Where the code of the other steps begins, by the rules."""


@pytest.fixture(scope="module")
def before() -> dict[str, str]:
    """Identities of the present code."""
    return identities()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the package, to be changed; none of its hashes is listed."""
    folder = shutil.copytree(
        fingerprint.PACKAGE, tmp_path / "eager", ignore=shutil.ignore_patterns("__pycache__")
    )
    monkeypatch.setattr(fingerprint, "PACKAGE", folder)
    yield folder
    forget()


def forget() -> None:
    for cached in ("code_fingerprint", "_definition", "_module"):
        getattr(fingerprint, cached).cache_clear()


def identities() -> dict[str, str]:
    found = {kind: fingerprint.code_fingerprint(*fingerprint.ROOTS[kind]) for kind in KINDS}
    return found | {entry: fingerprint.code_fingerprint(entry) for entry in ENTRIES}


def changed_by(
    before: dict[str, str], package: Path, change: Callable[[str], str], name: str = "**/*.py"
) -> set[str]:
    """Steps whose code is another one after a change of files."""
    edits = 0
    for path in sorted(package.glob(name)):
        source = path.read_text(encoding="utf-8")
        path.write_text(change(source), encoding="utf-8")
        edits += path.read_text(encoding="utf-8") != source
    assert edits, "the change changes nothing"
    forget()
    after = identities()
    return {step for step, identity in before.items() if after[step] != identity}


@pytest.mark.parametrize(
    "change",
    [
        lambda source: re.sub(r'(description=f?")', r"\1Reworded: ", source),
        lambda source: re.sub(r'(EagerError\(\s*f?")', r"\1Reworded: ", source),
        lambda source: re.sub(r'^"""', '"""Reworded: ', source, count=1),
        lambda source: "# a comment\n" + re.sub(r"^@", "# another\n@", source, flags=re.MULTILINE),
        lambda source: source if RUN_WHOLE.search(source) else source + HELPER,
    ],
    ids=["descriptions", "errors", "docstrings", "comments", "unused helpers"],
)
def test_words_and_what_nothing_calls_change_no_step(
    change: Callable[[str], str], before: dict[str, str], package: Path
) -> None:
    assert len(ENTRIES) > 5
    assert changed_by(before, package, change) == set()


def replaced(old: str, new: str) -> Callable[[str], str]:
    return lambda source: source.replace(old, new)


@pytest.mark.parametrize(
    ("name", "old", "new", "steps"),
    [
        ("algorithm/branching.py", "entropy > threshold", "entropy >= threshold", {"tokens"}),
        ("generation/engine.py", "ignore_eos=True", "ignore_eos=False", {"tokens"}),
        ("config/settings.py", '"</think>"', '"</thought>"', {"tokens"}),
        ("sandbox/session.py", "MAX_REPLY_BYTES = 1 <<", "MAX_REPLY_BYTES = 2 <<", {"programs"}),
        ("sandbox/engines/containers.py", "PROCESSES = 64", "PROCESSES = 65", {"programs"}),
        ("sandbox/guest/limits.py", " + ", " - ", {"programs"}),
        ("evaluation/answers/letters.py", "return ", "return not ", {"answers"}),
    ],
)
def test_what_decides_a_result_changes_its_identity(
    name: str, old: str, new: str, steps: set[str], before: dict[str, str], package: Path
) -> None:
    changed = changed_by(before, package, replaced(old, new), name)
    assert steps <= changed
    assert not (set(KINDS) - steps) & changed
