"""A model's side of a generation on disk: what it said at each step, to decide on it again.

A recording holds a log of the engine's steps for each variant. Replaying it drives the real
decoder and the real rule, with no model; where a rule decides differently from when it was
recorded, the log does not fit and says so.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import Field

from eager.algorithm.entropy import top_k_entropy
from eager.config.settings import DecodingSettings, StrictModel
from eager.data.prompts import Vocabulary
from eager.data.tokenization import Texts
from eager.generation.decoder import Decoder
from eager.generation.engine import Engine, EngineOutput, EngineRequest
from eager.util.errors import EagerError
from eager.util.tables import read_table, write_table
from tools.deviations.authors import Variant

STEPS = pa.schema(
    [
        ("variant", pa.dictionary(pa.int8(), pa.string())),
        ("step", pa.int16()),
        ("request", pa.dictionary(pa.int32(), pa.string())),
        ("sampled", pa.int32()),
        ("best", pa.int32()),  # -1: not asked for
        ("second", pa.int32()),
        ("entropy", pa.float64()),  # over the top K, nats; null: not asked for
        ("entropy_with_sampled", pa.float64()),  # null: the sampled token is among the top K
        ("finished", pa.bool_()),
    ]
)
Row = dict[str, Any]
DIGITS = 7
"""Of a recorded entropy, which is what the recorded decisions were made on: an end that is drawn a
hundred times at the same place is the same number then, and takes no space."""


class RecordingFacts(StrictModel):
    """What a replay must know besides the steps.

    Attributes:
        settings: decoding settings of each method.
        vocabulary: ends of sequence, context length.
        prompt_ids: in order.
        tasks: path of the tasks, from the repository's root.
        prompt_template: text of a prompt, with {prompt} for the task.
        token_texts: text of each token that occurs, or its bytes where it is part of a character.
        tokenised_otherwise: by variant, how many sequences the tokenizer would split otherwise if
            it were given their text, and the share of them that lies behind the first such place.
    """

    settings: dict[str, DecodingSettings]
    vocabulary: Vocabulary
    prompt_ids: tuple[str, ...]
    tasks: str
    prompt_template: str = "{prompt}"
    tokenised_otherwise: dict[str, tuple[int, float]] = Field(default_factory=dict)
    token_texts: dict[int, str | list[int]] = Field(default_factory=dict)

    def encode(self, *_: Any, **__: Any) -> list[int]:
        """No token: texts of tokens do not depend here on what they follow."""
        return []

    def decode(self, token_ids: list[int], **_: Any) -> str:
        """Text of token ids, as the model's tokenizer has it."""
        found = (self.token_texts[token] for token in token_ids)
        parts = [text.encode() if isinstance(text, str) else bytes(text) for text in found]
        return b"".join(parts).decode("utf-8", errors="replace")


class RecordingEngine:
    """Hands requests to an engine and keeps what it answers, two entropies in place of logprobs.

    Args:
        engine: the real one.
        top_k: K.
    """

    def __init__(self, engine: Engine, top_k: int) -> None:
        self.rows: list[Row] = []
        self.max_num_seqs = engine.max_num_seqs
        self._engine = engine
        self._top_k = top_k
        self._steps = 0

    def submit(self, request: EngineRequest) -> None:
        """See `Engine.submit`."""
        self._engine.submit(request)

    def abort(self, request_id: str) -> None:
        """See `Engine.abort`."""
        self._engine.abort(request_id)

    def step(self) -> list[EngineOutput]:
        """See `Engine.step`."""
        rows = [self._row(output) for output in self._engine.step()]
        self._steps += 1
        self.rows += rows
        return [to_output(row) for row in rows]

    def _row(self, output: EngineOutput) -> Row:
        (sampled,) = output.tokens
        row = {
            "step": self._steps,
            "request": output.request_id,
            "sampled": sampled,
            "best": -1,
            "second": -1,
            "entropy": None,
            "entropy_with_sampled": None,
            "finished": output.finished,
        }
        if len(output.logprobs):
            end = self._top_k + 1
            best, second = output.top_tokens[1:3]
            row |= {"best": best, "second": second}
            row["entropy"] = self._entropy(output.logprobs[1:end])
            if sampled not in output.top_tokens[1:end]:
                row["entropy_with_sampled"] = self._entropy(output.logprobs[:end])
        return row

    def _entropy(self, logprobs: Sequence[float]) -> float:
        entropy = top_k_entropy(np.array([logprobs], dtype=np.float64))[0]
        return round(float(entropy), DIGITS)


class ReplayEngine:
    """Answers as it was recorded.

    Args:
        variant: name of the variant, for messages.
        rows: its rows, in order of the steps.
    """

    # All prompts were begun at once.
    max_num_seqs = sys.maxsize

    def __init__(self, variant: str, rows: list[Row]) -> None:
        self._variant = variant
        self._steps = [list(group) for _, group in groupby(rows, key=lambda row: row["step"])]
        self._next = 0
        self._live: dict[str, EngineRequest] = {}

    def submit(self, request: EngineRequest) -> None:
        """See `Engine.submit`."""
        self._live[request.request_id] = request

    def abort(self, request_id: str) -> None:
        """See `Engine.abort`."""
        self._live.pop(request_id, None)

    def step(self) -> list[EngineOutput]:
        """See `Engine.step`.

        Raises:
            EagerError: other requests are live than when this was recorded, or want logprobs that
                were not asked for then.
        """
        rows = self._steps[self._next] if self._next < len(self._steps) else []
        self._next += 1
        if not rows or not all(self._answers(row) for row in rows):
            raise self._misfit()
        for row in rows:
            if row["finished"]:
                del self._live[row["request"]]
        return [to_output(row) for row in rows]

    def finish(self) -> None:
        """Make sure that nothing of the recording is left.

        Raises:
            EagerError: something is.
        """
        if self._next < len(self._steps):
            raise self._misfit()

    def _answers(self, row: Row) -> bool:
        request = self._live.get(row["request"])
        return request is not None and (not request.with_logprobs or row["entropy"] is not None)

    def _misfit(self) -> EagerError:
        return EagerError(
            f"the recording of {self._variant!r} does not fit the code any more (step "
            f"{self._next}): the rule decides differently; run "
            "`python -m tools.deviations --record`"
        )


class VariantDecoder(Decoder):
    """The decoder with a variant's rule, over an engine that brings entropies.

    Args:
        engine: a `RecordingEngine` or `ReplayEngine`.
        settings: how to sample and branch.
        vocabulary: ends of sequence and of thinking, context length.
        texts: of the model's tokens.
        variant: the rule.
    """

    def __init__(
        self,
        engine: Engine,
        settings: DecodingSettings,
        vocabulary: Vocabulary,
        texts: Texts,
        variant: Variant,
    ) -> None:
        super().__init__(engine, settings, vocabulary, texts)
        self._points = variant.points

    def _entropies(self, outputs: Sequence[EngineOutput]) -> list[float]:
        return [
            output.logprobs[self._points.sampled_token_in_entropy] if output.logprobs else 0.0
            for output in outputs
        ]


def to_output(row: Row) -> EngineOutput:
    """A row as an engine's output; its logprobs are H over the top K, and H with the sampled."""
    entropy, other = row["entropy"], row["entropy_with_sampled"]
    recorded = entropy is not None
    return EngineOutput(
        row["request"],
        [row["sampled"]],
        [row["sampled"], row["best"], row["second"]] if recorded else [],
        [entropy, entropy if other is None else other] if recorded else [],
        row["finished"],
        cached_prompt_tokens=0,
    )


def write_recording(path: Path, facts: RecordingFacts, logs: dict[str, list[Row]]) -> None:
    """Write the logs of all variants."""
    rows = [{"variant": name, **row} for name, log in logs.items() for row in log]
    table = pa.Table.from_pylist(rows, STEPS)
    write_table(path, table, "recording", {"facts": json.dumps(facts.model_dump(mode="json"))})


def read_recording(path: Path) -> tuple[RecordingFacts, dict[str, list[Row]]]:
    """Read what `write_recording` wrote."""
    table = read_table(path, "recording")
    facts = RecordingFacts.model_validate_json(table.schema.metadata[b"facts"])
    return facts, dict(_by_variant(table.to_pylist()))


def _by_variant(rows: list[Row]) -> Iterator[tuple[str, list[Row]]]:
    for name, group in groupby(rows, key=lambda row: row["variant"]):
        yield str(name), list(group)
