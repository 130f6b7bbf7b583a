"""Prompts as token ids: what does not fit is an error, and no day or chance stands in them."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest
from jinja2.defaults import DEFAULT_NAMESPACE
from transformers.utils import chat_template_utils

from eager.config.schema import DatasetEntry, ModelEntry
from eager.data.encoding import encode_prompts
from eager.data.prompts import read_prompts, template_date
from eager.data.tasks import Task
from eager.util.errors import EagerError
from eager.util.tables import read_table
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


CLOCK = "{{ strftime_now('%Y-%m-%d %H:%M') }}"
CHANCE = "{{ range(10**4) | random }} {{ lipsum() }}"


class Later(datetime):
    """Another day, for what looks at the clock."""

    @classmethod
    def now(cls, tz: object = None) -> Later:
        return cls(2031, 2, 3, 4, 5)


def encode_chat(folder: Path, template: str, day: str) -> Path:
    write_model(folder, 4, ["a", "b"])
    (folder / "files/chat_template.jinja").write_text(template + "{{ messages[0].content }}")
    model = ModelEntry(path="x", template_date=date.fromisoformat(day))
    dataset = DatasetEntry(kind="math", path="x")
    encode_prompts(TASKS, folder / "files", model, dataset, folder / f"{day}.parquet")
    return folder / f"{day}.parquet"


@pytest.mark.parametrize("template", [CLOCK, CHANCE])
def test_prompts_of_two_days_are_equal_byte_for_byte(
    template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = encode_chat(tmp_path, template, "2024-07-26").read_bytes()
    monkeypatch.setattr(chat_template_utils, "datetime", Later)
    assert encode_chat(tmp_path, template, "2024-07-26").read_bytes() == first


def test_the_day_of_the_configuration_is_told_and_kept_where_it_is_asked_for(
    tmp_path: Path,
) -> None:
    path = encode_chat(tmp_path, CLOCK, "2024-07-26")
    texts = read_table(path, "prompts").column("text").to_pylist()
    assert texts == ["2024-07-26 00:00aaa", "2024-07-26 00:00aaaaa"]
    assert template_date(path) == "2024-07-26"
    without = [encode_chat(tmp_path, "", day) for day in ("2024-07-26", "2025-01-01")]
    assert template_date(without[0]) is None
    assert without[0].read_bytes() == without[1].read_bytes()


def test_a_template_has_no_other_clock() -> None:
    """What transformers offers to a template besides Jinja's own; a new name must be looked at."""
    names = set(chat_template_utils._compile_jinja_template("").environment.globals)
    assert names == {*DEFAULT_NAMESPACE, "raise_exception", "strftime_now"}
