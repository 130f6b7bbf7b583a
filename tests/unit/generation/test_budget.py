"""allocation.json: what is written is read back, and what is damaged is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from eager.algorithm.allocation import Share
from eager.generation.budget import read_shares, write_allocation
from eager.util.errors import EagerError
from eager.util.files import read_json, write_json
from eager.util.tables import write_table

SHARE = {
    "prompt_id": "p",
    "initial_sequences": 2,
    "saturated": True,
    "solved": None,
    "share": 3,
    "reason": "reached the cap",
}


def of_shares(*shares: Any) -> dict[str, Any]:
    return {"schema_version": 1, "prompts": list(shares)}


def test_shares_are_read_back(tmp_path: Path) -> None:
    sequences, path = tmp_path / "sequences.parquet", tmp_path / "allocation.json"
    write_table(sequences, pa.table({"prompt_id": ["p", "p", "q"]}), "sequences")
    write_allocation("eager_adapt", sequences, None, 2, 1.5, path)
    assert read_shares(path) == {
        "p": Share("p", 2, True, None, 1, "reached the cap of 2: gets 1"),
        "q": Share("q", 1, False, None, 0, "stayed at 1 of 2: gets nothing"),
    }
    assert read_json(path)["prompts"][0]["round_thresholds"] != []


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ([], "Input should be an object"),
        (None, "Input should be an object"),
        ({"schema_version": 1}, "key 'prompts' is missing"),
        ({"schema_version": 2, "prompts": []}, "schema_version: Input should be 1"),
        ({"prompts": []}, "key 'schema_version' is missing"),
        (of_shares({}), r"key 'prompts\.0\.prompt_id' is missing"),
        (of_shares(None), r"prompts\.0: "),
        (of_shares(SHARE, SHARE | {"share": "3"}), r"prompts\.1\.share: .*integer"),
        (of_shares(SHARE | {"share": None}), r"prompts\.0\.share: .*integer"),
        (of_shares(SHARE | {"share": 3.0}), r"prompts\.0\.share: .*integer"),
        (of_shares(SHARE | {"saturated": 1}), r"prompts\.0\.saturated: .*boolean"),
        (of_shares(SHARE | {"prompt_id": 7}), r"prompts\.0\.prompt_id: .*string"),
    ],
)
def test_a_damaged_allocation_is_told(content: Any, fault: str, tmp_path: Path) -> None:
    path = tmp_path / "allocation.json"
    write_json(path, content)
    with pytest.raises(EagerError, match=rf"allocation\.json: {fault}.*; delete it and rerun$"):
        read_shares(path)
