"""Damaged archives are refused with a message; what is verified holds what was packed."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eager.exchange.archive.packing import MANIFEST_NAME
from eager.exchange.archive.verify import verify_archive
from tests.support.archives import pack_synthetic, repack
from tests.support.fuzzing import attempt, damaged_bytes, damaged_json, fuzz


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("archive") / "archive.zip"
    pack_synthetic(tmp_path_factory.mktemp("run"), output, prompts=2)
    return output


def contents(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def verified(path: Path) -> list[str]:
    told: list[str] = []
    verify_archive(path, None, told.append)
    return told


@fuzz(share=0.5)
@given(data=st.data())
def test_bytes_of_the_archive(packed: Path, data: st.DataObject) -> None:
    """A byte more or less is found, or no file's content has changed."""
    content = data.draw(damaged_bytes(packed.read_bytes()))
    path = packed.with_name("damaged.zip")
    path.write_bytes(content)
    if attempt("archive, bytes", lambda: verified(path)) is not None:
        assert contents(content) == contents(packed.read_bytes())


@fuzz(share=0.25)
@given(data=st.data())
def test_files_that_are_changed_and_signed_again(packed: Path, data: st.DataObject) -> None:
    """A manifest that says what the files are now does not make them results."""
    files = contents(packed.read_bytes())
    name = data.draw(st.sampled_from(sorted(files.keys() - {MANIFEST_NAME})))
    form = Path(name).suffix
    damaged: Any = None
    if form == ".json" and data.draw(st.booleans()):
        damaged = json.dumps(data.draw(damaged_json(json.loads(files[name])))).encode()
    elif form == ".jsonl" and data.draw(st.booleans()):
        rows = [json.loads(line) for line in files[name].splitlines()]
        rows[0] = data.draw(damaged_json(rows[0]))
        damaged = "".join(json.dumps(row) + "\n" for row in rows).encode()
    else:
        damaged = data.draw(damaged_bytes(files[name]))

    def change(those: dict[str, bytes]) -> None:
        those[name] = damaged

    path = repack(packed, packed.with_name("signed.zip"), change, honest=True)
    told = attempt(f"archive, signed again, *{form}", lambda: verified(path))
    if told is not None and name.endswith(("metrics.json", ".csv", ".md", ".tex")):
        assert damaged == files[name]
