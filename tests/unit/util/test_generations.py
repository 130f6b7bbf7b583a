"""Generations of code that give the same results, and the comparison that they come from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from eager.util import fingerprint
from tests.golden import __main__ as golden

GOLDEN = {"scripted one": "1", "engine two": "2"}


@pytest.mark.parametrize("kind", list(fingerprint.ROOTS))
def test_the_present_code_is_in_a_generation(kind: fingerprint.Kind) -> None:
    """Where this fails, run `make same-tokens`: it says whether results are the same."""
    number = len(json.loads(fingerprint.GENERATIONS.read_text())[kind])
    assert fingerprint.code_identity(kind) == f"{kind} {number}"


@pytest.fixture
def compare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The cases of the present code, to be changed; golden ones and generations are files."""
    now = dict(GOLDEN)
    monkeypatch.setattr(golden, "CASES", {"tokens": lambda: iter(now.items())})
    monkeypatch.setattr(golden, "FOLDER", tmp_path)
    for module in (golden, fingerprint):
        monkeypatch.setattr(module, "GENERATIONS", tmp_path / "generations.json")
    listed(tmp_path, ["old"], ["older", "recent"])
    monkeypatch.setattr(golden, "code_fingerprint", lambda *_: "present")
    monkeypatch.setattr(golden, "processor", lambda: "a processor")
    made_on = f"a processor, {golden.engine_software()}"
    (tmp_path / "tokens.json").write_text(json.dumps({"made_on": made_on, "cases": GOLDEN}))
    yield now
    fingerprint.code_identity.cache_clear()


def listed(folder: Path, *generations: list[str]) -> None:
    (folder / "generations.json").write_text(json.dumps({"tokens": generations}))


def generations(folder: Path) -> list[list[str]]:
    return json.loads((folder / "generations.json").read_text())["tokens"]


def test_code_with_the_same_results_joins_the_present_generation(
    compare: dict[str, str], tmp_path: Path
) -> None:
    assert "joins generation 2" in golden.compare("tokens")
    assert generations(tmp_path) == [["old"], ["older", "recent", "present"]]
    assert "as listed" in golden.compare("tokens")


@pytest.mark.parametrize("name", [*GOLDEN, "scripted new"])
def test_code_with_other_results_begins_a_generation(
    name: str, compare: dict[str, str], tmp_path: Path
) -> None:
    compare[name] = "3"
    assert "generation 3 begins" in golden.compare("tokens")
    assert generations(tmp_path) == [["old"], ["older", "recent"], ["present"]]
    assert json.loads((tmp_path / "tokens.json").read_text())["cases"] == compare
    assert "as listed" in golden.compare("tokens")


def test_a_machine_or_its_software_is_not_taken_for_the_code(
    compare: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = generations(tmp_path)
    monkeypatch.setattr(golden, "processor", lambda: "another")
    compare["engine two"] = "3"
    with pytest.raises(golden.CannotTellError, match="another machine"):
        golden.compare("tokens")
    listed(tmp_path, ["present"])
    monkeypatch.setattr(golden, "processor", lambda: "a processor")
    with pytest.raises(golden.CannotTellError, match="the code is that"):
        golden.compare("tokens")
    listed(tmp_path, *before)
    assert generations(tmp_path) == before


def test_a_hash_that_is_not_listed_counts_as_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fingerprint, "GENERATIONS", tmp_path / "generations.json")
    found = fingerprint.code_fingerprint(*fingerprint.ROOTS["answers"])
    for hashes, expected in (([["x"], ["y"]], found), ([["x"], [found, "y"]], "answers 2")):
        (tmp_path / "generations.json").write_text(json.dumps({"answers": hashes}))
        fingerprint.code_identity.cache_clear()
        assert fingerprint.code_identity("answers") == expected
    fingerprint.code_identity.cache_clear()
