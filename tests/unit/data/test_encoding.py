"""Prompts as token ids: what does not fit the model is an error before an engine starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from eager.config.schema import DatasetEntry, ModelEntry
from eager.data.encoding import encode_prompts
from eager.data.prompts import read_prompts
from eager.data.tasks import Task
from eager.util.errors import EagerError
from tests.support.synthetic import write_model

TASKS = [Task(id=f"p{n}", problem="a" * n, target="1", kind="math") for n in (3, 5)]
DATASET = DatasetEntry(kind="math", path="x", chat_template=False, prompt_template="b{prompt}")


def encode(folder: Path, context_length: int) -> Path:
    write_model(folder, 4, ["a", "b"])
    model = ModelEntry(path="x", context_length=context_length)
    encode_prompts(TASKS, folder / "files", model, DATASET, folder / "prompts.parquet")
    return folder / "prompts.parquet"


def test_a_template_is_applied_and_encoded(tmp_path: Path) -> None:
    prompts, vocabulary = read_prompts(encode(tmp_path, context_length=7))
    assert [prompt.token_ids for prompt in prompts] == [(1, 0, 0, 0), (1, 0, 0, 0, 0, 0)]
    assert vocabulary.context_length == 7


def test_a_prompt_longer_than_the_context_is_reported(tmp_path: Path) -> None:
    message = "prompt 'p5' has 6 tokens and leaves no tokens for an answer in a context of 6"
    with pytest.raises(EagerError, match=message):
        encode(tmp_path, context_length=6)
    assert not (tmp_path / "prompts.parquet").exists()
