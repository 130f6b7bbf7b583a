"""Tasks as a model sees them: templates applied, token ids, markers and stops resolved.

Everything that can be wrong about a prompt is found here, before an engine is started.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pyarrow as pa

from eager.config.schema import DatasetEntry, ModelEntry
from eager.data.model_settings import check_context, end_of_sequence, named_ends, used_dtype
from eager.data.prompts import TEMPLATE_DATE, Vocabulary
from eager.data.tasks import Task
from eager.data.tokenization import load_tokenizer
from eager.util.errors import EagerError, one_line
from eager.util.tables import write_table

FRAME = "(the problem)"
"""Stands for a problem where only what is around it counts."""
WITHOUT_TEMPLATE = "set chat_template: false for the data set"
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
        EagerError: a prompt is empty or leaves no tokens for an answer, or something is wrong
            with the model's tokenizer, chat template, ends of sequence or context length.
    """
    check_context(folder, model.context_length)
    used_dtype(folder, model.dtype)
    named_ends(folder)  # before the tokenizer, which says less of what is wrong there
    tokenizer = load_tokenizer(folder)
    rows: dict[str, list[Any]] = {"prompt_id": [], "text": [], "token_ids": []}
    texts = [render(task, dataset, tokenizer, model) for task in tasks]
    controls = _Controls(dataset, tokenizer, model) if tasks else None
    for task, text in zip(tasks, texts, strict=True):
        token_ids = controls.token_ids(task, text) if controls else []
        if not token_ids:
            raise EagerError(f"prompt {task.id!r} is empty; remove it from the data set")
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
        end_of_sequence=end_of_sequence(tokenizer, folder),
        context_length=model.context_length,
        stop=dataset.stop,
        end_of_thinking=model.end_of_thinking or "",
    )
    table = pa.table(rows, SCHEMA)
    marks = {"vocabulary": vocabulary.model_dump_json()}
    # Only where it may stand in the prompts: another day changes the bytes of no other file.
    if dataset.chat_template and "strftime_now" in str(tokenizer.chat_template):
        marks[TEMPLATE_DATE] = model.template_date.isoformat()
    write_table(output, table, "prompts", marks)


def render(task: Task, dataset: DatasetEntry, tokenizer: Any, model: ModelEntry) -> str:
    """Text of a prompt: the data set's template, then one user turn of the model's chat template.

    It is midnight of the model's `template_date` for the template (`strftime_now`), and Jinja's
    `random` is the same.

    Raises:
        EagerError: a chat template is asked for and the model has none, or one that fails, that
            leaves the problem out, or that ends the thinking before the answer.
    """
    text = dataset.prompt_template.replace("{prompt}", task.problem)
    if not dataset.chat_template:
        return text
    if not tokenizer.chat_template:
        raise EagerError(f"the model has no chat template; {WITHOUT_TEMPLATE}")
    random.seed(0)
    try:
        rendered = tokenizer.apply_chat_template(
            [{"role": "user", "content": text}],
            tokenize=False,
            add_generation_prompt=True,
            strftime_now=model.template_date.strftime,
        )
    except Exception as error:  # whatever a template raises
        raise EagerError(
            f"the model's chat template fails on prompt {task.id!r} ({one_line(error)}); mend it, "
            f"or {WITHOUT_TEMPLATE}"
        ) from error
    _, found, after = str(rendered).rpartition(text.strip())
    if not found:
        raise EagerError(
            f"the model's chat template leaves the problem of prompt {task.id!r} out, or changes "
            f"it; take a template for messages that are plain text, or {WITHOUT_TEMPLATE}"
        )
    if model.end_of_thinking and model.end_of_thinking in after:
        raise EagerError(
            f"the model's chat template itself writes {model.end_of_thinking!r} before the answer, "
            "so that no sequence would think; set end_of_thinking: null for the model"
        )
    return str(rendered)


class _Controls:
    """The tokens that a model's prompts are steered by, which in a problem are text like any other.

    These are the special ones and those that the templates write around a problem.
    """

    def __init__(self, dataset: DatasetEntry, tokenizer: Any, model: ModelEntry) -> None:
        self._tokenizer = tokenizer
        self._add = not dataset.chat_template
        frame = Task(id=FRAME, problem=FRAME, target="", kind=dataset.kind)
        self._before, _, after = render(frame, dataset, tokenizer, model).partition(FRAME)
        self._texts = (
            ()
            if dataset.control_tokens
            else tuple(
                token.content
                for token in tokenizer.added_tokens_decoder.values()
                if token.special
                or (token.content.strip() and token.content in self._before + after)
            )
        )

    def token_ids(self, task: Task, text: str) -> list[int]:
        """Token ids of a prompt.

        Raises:
            EagerError: the problem holds one, and the tokenizer does not say where.
        """
        if not any(one in task.problem for one in self._texts):
            return list(self._tokenizer.encode(text, add_special_tokens=self._add))
        if not self._tokenizer.is_fast:
            raise EagerError(
                f"prompt {task.id!r} holds a control token of the model as text, which this "
                "tokenizer cannot take as text; remove it, or set control_tokens: true for the "
                "data set"
            )
        problem = task.problem.strip()
        # The problem may stand elsewhere too: "<|im_end|>" ends every turn.
        start = text.index(problem, len(self._before) if text.startswith(self._before) else 0)
        encoded = self._tokenizer(text, add_special_tokens=self._add, return_offsets_mapping=True)
        ids: list[int] = []
        for token_id, (first, last) in zip(encoded.input_ids, encoded.offset_mapping, strict=True):
            part = text[first:last].strip()
            inside = start <= first < last <= start + len(problem)
            ids += self._as_text(part) if inside and part in self._texts else [token_id]
        return ids

    def _as_text(self, part: str) -> list[int]:
        """Token ids of a control token's text, which in two pieces is none."""
        return [token for piece in (part[:1], part[1:]) for token in self._within(piece)]

    def _within(self, piece: str) -> list[int]:
        """Token ids of a piece behind another line, since some tokenizers begin texts otherwise."""
        line = self._tokenizer.encode("\n", add_special_tokens=False)
        return list(self._tokenizer.encode(f"\n{piece}", add_special_tokens=False)[len(line) :])
