"""Tasks as a model sees them: templates applied, token ids, markers and stops resolved.

Everything that can be wrong about a prompt is found here, before an engine is started.
"""

from __future__ import annotations

import json
import random
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from eager.config.schema import DatasetEntry, ModelEntry
from eager.data.prompts import TEMPLATE_DATE, Vocabulary
from eager.data.tasks import Task
from eager.util.errors import EagerError
from eager.util.files import read_json
from eager.util.tables import write_table

SCHEMA = pa.schema(
    [("prompt_id", pa.string()), ("text", pa.string()), ("token_ids", pa.list_(pa.int32()))]
)


def encode_prompts(
    tasks: list[Task], folder: Path, model: ModelEntry, dataset: DatasetEntry, output: Path
) -> None:
    """Write the prompts of a data set for a model, with the vocabulary in the file's metadata.

    Args:
        tasks: the data set.
        folder: the model's folder (tokenizer and generation configuration are read).
        model: context length and marker.
        dataset: templates and stops.
        output: a Parquet file: prompt_id, text, token_ids.

    Raises:
        EagerError: a prompt leaves no tokens for an answer, a stop is not one token, or the model
            has no chat template.
    """
    from transformers import AutoTokenizer

    _check_context(folder, model.context_length)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    rows: dict[str, list[Any]] = {"prompt_id": [], "text": [], "token_ids": []}
    for task in tasks:
        text = render(task, dataset, tokenizer, model.template_date)
        token_ids = tokenizer.encode(text, add_special_tokens=not dataset.chat_template)
        if len(token_ids) >= model.context_length:
            raise EagerError(
                f"prompt {task.id!r} has {len(token_ids)} tokens and leaves no tokens for an "
                f"answer in a context of {model.context_length}; raise the model's context_length "
                "or remove the prompt"
            )
        rows["prompt_id"].append(task.id)
        rows["text"].append(text)
        rows["token_ids"].append(token_ids)
    vocabulary = Vocabulary(
        end_of_sequence=_end_of_sequence(tokenizer, folder, dataset.stop),
        end_of_thinking=tuple(
            tokenizer.encode(model.end_of_thinking, add_special_tokens=False)
            if model.end_of_thinking
            else ()
        ),
        context_length=model.context_length,
    )
    table = pa.table(rows, SCHEMA)
    marks = {"vocabulary": vocabulary.model_dump_json()}
    # Only where it may stand in the prompts: another day changes the bytes of no other file.
    if dataset.chat_template and "strftime_now" in str(tokenizer.chat_template):
        marks[TEMPLATE_DATE] = model.template_date.isoformat()
    write_table(output, table, "prompts", marks)


def render(task: Task, dataset: DatasetEntry, tokenizer: Any, day: date) -> str:
    """Text of a prompt: the data set's template, then one user turn of the model's chat template.

    It is midnight of `day` for the template (`strftime_now`), and Jinja's `random` is the same.

    Raises:
        EagerError: a chat template is asked for and the model has none.
    """
    text = dataset.prompt_template.replace("{prompt}", task.problem)
    if not dataset.chat_template:
        return text
    if not tokenizer.chat_template:
        raise EagerError(
            "the model has no chat template; set chat_template: false for the data set"
        )
    random.seed(0)
    rendered: str = tokenizer.apply_chat_template(
        [{"role": "user", "content": text}],
        tokenize=False,
        add_generation_prompt=True,
        strftime_now=day.strftime,
    )
    return rendered


def _check_context(folder: Path, context_length: int) -> None:
    longest = _settings(folder / "config.json").get("max_position_embeddings")
    if isinstance(longest, int) and context_length > longest:
        raise EagerError(
            f"context_length {context_length} is more than the model's {longest} "
            f"(max_position_embeddings in {folder}/config.json); write at most {longest}"
        )


def _end_of_sequence(tokenizer: Any, folder: Path, stop: tuple[str, ...]) -> tuple[int, ...]:
    ids: set[int] = {tokenizer.eos_token_id} - {None}
    generation_config = folder / "generation_config.json"
    if generation_config.is_file():
        ends: Any = _settings(generation_config).get("eos_token_id")
        ids |= {ends} - {None} if not isinstance(ends, list) else set(ends)
    for text in stop:
        encoded = tokenizer.encode(text, add_special_tokens=False)
        if len(encoded) != 1:
            raise EagerError(
                f"stop {json.dumps(text)} is {len(encoded)} tokens of this model; a stop must be "
                "one token (sequences are decoded as token ids)"
            )
        ids.add(encoded[0])
    return tuple(sorted(ids))


def _settings(path: Path) -> dict[str, Any]:
    """A JSON file of the model that holds an object."""
    content = read_json(path)
    if not isinstance(content, dict):
        raise EagerError(f"{path}: an object is expected; take the model's own file")
    return content
