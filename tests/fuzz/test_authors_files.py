"""Damaged result files of the authors' code are refused with a message, or give whole results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eager.exchange.authors_format import read_result_file
from eager.exchange.import_ import ImportOptions, import_result
from eager.util.errors import EagerError
from eager.util.files import read_json
from eager.util.tables import read_table
from tests.support.authors_files import RUNS
from tests.support.fuzzing import HOSTILE_TEXTS, attempt, damaged_bytes, damaged_json, fuzz

NAMES = [
    "default_results.json",
    "aware_results__th1.0.json",
    "aware_more_budget_results__th1.0.json",
]
PRINTED = ("extracted_answers", "entropies", "recorded_branches")


def short(path: Path) -> dict[str, Any]:
    """A result file with its first two prompts, and few entropies' digits."""
    content = json.loads(path.read_text("utf-8"))
    for key in ("default-generations", "entropy-aware-generations"):
        if key in content:
            content[key] = content[key][:2]
    assert isinstance(content, dict)
    return content


FILES = {name: short(next(RUNS.glob(f"boxed/*_{name}"))) for name in NAMES}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("authors")


def imported(folder: Path, name: str, content: bytes) -> Path:
    path = folder / f"run_{name}"
    path.write_bytes(content)
    import_result(path, ImportOptions(), folder / "out", lambda line: None)
    return folder / "out"


def check(result: Path) -> None:
    """Every sequence has a verdict, and the figures are numbers."""
    sequences = read_table(result / "sequences.parquet", "sequences")
    verdicts = read_table(result / "verdicts.parquet", "verdicts")
    assert sequences.num_rows == verdicts.num_rows > 0
    metrics = read_json(result / "metrics.json")
    assert 0 <= metrics["pass_at_k"] <= 1
    assert metrics["tokens"] >= 0


def written(content: Any) -> bytes:
    return json.dumps(content).encode()


@pytest.mark.parametrize("name", NAMES)
@fuzz(share=0.3)
@given(data=st.data())
def test_values(name: str, folder: Path, data: st.DataObject) -> None:
    content = written(data.draw(damaged_json(FILES[name])))
    if result := attempt("authors' file, values", lambda: imported(folder, name, content)):
        check(result)


@pytest.mark.parametrize("name", NAMES)
@fuzz(share=0.3)
@given(data=st.data())
def test_printed_lists(name: str, folder: Path, data: st.DataObject) -> None:
    """Lists and dicts that stand as Python prints them inside of the JSON."""
    content = json.loads(written(FILES[name]))
    key = next(key for key in content if key.endswith("-generations"))
    prompt = content[key][data.draw(st.integers(0, len(content[key]) - 1))]
    field = data.draw(st.sampled_from([field for field in PRINTED if field in prompt]))
    texts = prompt[field]
    changed = data.draw(
        damaged_bytes((texts if isinstance(texts, str) else "".join(texts[:1])).encode()).map(
            lambda raw: raw.decode("utf-8", "replace")
        )
        | st.sampled_from(HOSTILE_TEXTS)
    )
    if isinstance(texts, str):
        prompt[field] = changed
    elif texts:
        prompt[field] = [*texts[:-1], changed]
    if result := attempt(
        "authors' file, printed lists", lambda: imported(folder, name, written(content))
    ):
        check(result)


@pytest.mark.parametrize("name", NAMES)
@fuzz(share=0.2)
@given(data=st.data())
def test_bytes(name: str, folder: Path, data: st.DataObject) -> None:
    content = data.draw(damaged_bytes(written(FILES[name])))
    if result := attempt("authors' file, bytes", lambda: imported(folder, name, content)):
        check(result)


@pytest.mark.parametrize("name", NAMES)
def test_a_byte_order_mark_is_read(name: str, folder: Path) -> None:
    check(imported(folder, name, b"\xef\xbb\xbf" + written(FILES[name])))


def test_other_encodings_are_told_and_single_bytes_repaired(folder: Path) -> None:
    whole = written(FILES[NAMES[0]])
    with pytest.raises(EagerError, match="the text is in UTF-16; save it as UTF-8"):
        imported(folder, NAMES[0], whole.decode().encode("utf-16"))
    path = folder / f"run_{NAMES[0]}"
    prompt = FILES[NAMES[0]]["default-generations"][0]["prompt"][:9].encode()
    path.write_bytes(whole.replace(prompt, prompt + b"\xe9", 1))
    result, said = read_result_file(path)
    assert "\ufffd" in result.generations[0].prompt
    assert any("no valid Unicode" in line for line in said)


@pytest.mark.parametrize("target", ["", " ", None, float("nan")])
def test_a_blank_target_is_told(target: Any, folder: Path) -> None:
    """By the authors' rule every answer holds it: Pass@k would be 1."""
    content = json.loads(written(FILES[NAMES[0]]))
    content["default-generations"][1]["target"] = target
    with pytest.raises(EagerError, match=r"prompt 2: target is .*; give --tasks"):
        imported(folder, NAMES[0], written(content))
