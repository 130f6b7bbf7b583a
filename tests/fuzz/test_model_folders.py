"""Damaged models' folders, templates and markers are refused, or every problem is in its prompt."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from eager.config.schema import DatasetEntry, ModelEntry
from eager.data.encoding import encode_prompts
from eager.data.prompts import read_prompts
from eager.data.tasks import Task
from eager.util.tables import read_table
from tests.support.families import FAMILIES, write_family
from tests.support.fuzzing import HOSTILE_TEXTS, attempt, damaged_bytes, damaged_json, fuzz

FILES = ("config.json", "generation_config.json", "tokenizer_config.json", "tokenizer.json")
NAMES = ["SmolLM3", "Llama-2", "Gemma", "gpt-oss"]
CONTROL = [text for family in FAMILIES.values() for text in family.control]
SETTINGS = {
    "config.json": {
        "model_type": "llama",
        "eos_token_id": [1, 2],
        "max_position_embeddings": 2048,
        "rope_scaling": {"rope_type": "yarn", "factor": 4.0},
        "text_config": {"max_position_embeddings": 2048, "eos_token_id": 2},
    },
    "generation_config.json": {"eos_token_id": [1, 2], "temperature": 0.6},
}
PARTS = st.sampled_from([*CONTROL, *HOSTILE_TEXTS, "2 + 2?"])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for name in NAMES:
        write_family(name, folder / name)
    return folder


@fuzz(0.5)
@given(data=st.data())
def test_a_damaged_folder(data: st.DataObject, whole: Path, tmp_path: Path) -> None:
    name = data.draw(st.sampled_from(NAMES))
    folder = tmp_path / "model"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole / name, folder)
    kind = data.draw(st.sampled_from([*FILES, "chat_template.jinja", "problem"]))
    path = folder / kind
    problem, end = "2 + 2?", None
    if kind == "problem":
        problem = " ".join(data.draw(st.lists(PARTS, min_size=1, max_size=4)))
        end = data.draw(st.sampled_from([None, "</think>", *CONTROL, "é"]))
    elif kind in SETTINGS and data.draw(st.booleans()):
        path.write_text(json.dumps(data.draw(damaged_json(SETTINGS[kind]))))
    elif path.is_file():
        path.write_bytes(data.draw(damaged_bytes(path.read_bytes())))
    assume(problem.strip() and problem.isprintable())  # as `fetch_dataset` has seen to
    model = ModelEntry(path="x", context_length=2000, end_of_thinking=end)
    output = folder / "prompts.parquet"
    task = Task(id="p", problem=problem, target="1", kind="math")
    dataset = DatasetEntry(kind="math", path="x")
    attempt("model folders", lambda: encode_prompts([task], folder, model, dataset, output))
    if output.exists():
        (prompt,), vocabulary = read_prompts(output)
        (text,) = read_table(output, "prompts")["text"].to_pylist()
        assert problem.strip() in text
        assert prompt.token_ids
        assert vocabulary.end_of_sequence
