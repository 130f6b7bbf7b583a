"""What a generation has to do: every prompt with its rounds, its key and its estimated cost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from eager.algorithm.allocation import Round, Share, next_round
from eager.algorithm.rules import RULES
from eager.config.experiment import PlannedTarget
from eager.config.settings import DecodingSettings
from eager.data.prompts import Prompt, Vocabulary, read_prompts
from eager.generation.budget import read_shares
from eager.generation.prompt_run import NextRound
from eager.generation.shards import estimated_cost
from eager.generation.store import entry_key
from eager.util.errors import EagerError
from eager.util.files import read_json
from eager.util.fingerprint import code_identity
from eager.util.tables import read_table

BLOCK = 8
"""Samples of Full Parallel that are stored together."""


@dataclass(frozen=True)
class WorkItem:
    """One prompt; of Full Parallel a block of its samples.

    Attributes:
        prompt: its id and token ids.
        next_round: its rounds.
        key: all that its result depends on beside the settings.
        cost: tokens it is expected to take through the model.
        first_index: index of its first new sequence.
        samples: of a block how many are wanted, of which the store may have some, or more; None:
            a method that branches.
    """

    prompt: Prompt
    next_round: NextRound
    key: str
    cost: float
    first_index: int = 0
    samples: int | None = None

    def without(self, there: int) -> WorkItem:
        """The rest of a block whose first samples are in the store."""
        assert self.samples is not None
        first, left = self.first_index + there, self.samples - there
        return replace(
            self, next_round=_only(_samples(first, left)), first_index=first, samples=left
        )


@dataclass(frozen=True)
class Work:
    """Everything a generation has to do.

    Attributes:
        vocabulary: ends and context length.
        items: every prompt, in order.
        keys: key of each item in the store.
        initial: EAGer-init's sequences by prompt, for the methods that build on them.
    """

    vocabulary: Vocabulary
    items: list[WorkItem]
    keys: list[str]
    initial: dict[str, pa.Table] | None


def read_work(target: PlannedTarget) -> Work:
    """Read the inputs of a generation.

    Raises:
        EagerError: an input is missing or does not fit.
    """
    prompts, vocabulary = read_prompts(Path(target.prompts))
    initial = _initial_tables(target)
    if initial is None:
        items = _first_rounds(target.settings, prompts, vocabulary)
    else:
        items = _budgeted_rounds(target, prompts, initial)
    every = list(items)
    identity = json.dumps(generation_identity(target, vocabulary), sort_keys=True)
    return Work(vocabulary, every, [entry_key(identity, item.key) for item in every], initial)


def generation_identity(target: PlannedTarget, vocabulary: Vocabulary) -> dict[str, Any]:
    """Everything that decides the results of a generation besides its prompts and the software.

    What the software is, the folder of the store says: `provenance.engine_software`.
    """
    # How many samples are asked for decides none of them, and the end of thinking only where
    # sequences branch. The context length stays, though `max_tokens` may be shorter: vLLM chooses
    # the rotary embeddings of some models (LongRoPE) by it.
    without = {"max_sequences", "end_of_thinking"} if target.method == "parallel" else None
    return {
        "settings": json.loads(target.settings.model_dump_json(exclude=without)),
        "vocabulary": vocabulary.model_dump(exclude=without),
        "model": read_json(Path(target.model_manifest))["files"],
        "code": code_identity("tokens", target.method),
    }


def _first_rounds(
    settings: DecodingSettings, prompts: list[Prompt], vocabulary: Vocabulary
) -> Iterator[WorkItem]:
    """One round per prompt; of Full Parallel one per block of samples.

    The length of answers is unknown: all are taken to be equally long.
    """
    cap, answer = settings.max_sequences, settings.max_tokens or vocabulary.context_length
    for prompt in prompts:
        key, size = _key(prompt), len(prompt.token_ids)
        if settings.method != "parallel":
            only = _only(Round(0, 1, cap, _threshold(settings)))
            yield WorkItem(prompt, only, key, estimated_cost(size, cap, answer))
            continue
        for first in range(0, cap, BLOCK):
            samples = min(BLOCK, cap - first)
            cost = estimated_cost(size, samples, answer)
            only = _only(_samples(first, samples))
            yield WorkItem(prompt, only, f"{key}\x1f{first}", cost, first, samples)


def _budgeted_rounds(
    target: PlannedTarget, prompts: list[Prompt], initial: dict[str, pa.Table]
) -> Iterator[WorkItem]:
    """The rounds of a prompt's share; its answers are taken to be as long as EAGer-init's."""
    allocation = target.file("allocation.json")
    shares = read_shares(allocation)
    for prompt in prompts:
        if prompt.id not in shares or prompt.id not in initial:
            raise EagerError(
                f"{allocation}: has no share for prompt {prompt.id!r}; it was made from "
                "other prompts. Delete it and rerun"
            )
        share, before = shares[prompt.id], initial[prompt.id]
        yield WorkItem(
            prompt,
            _rounds_of(share, target.settings),
            f"{_key(prompt)}\x1f{share.share}\x1f{share.saturated}\x1f{before.num_rows}",
            estimated_cost(len(prompt.token_ids), share.share, _mean_own_tokens(before)),
            before.num_rows,
        )


def _samples(first: int, count: int) -> Round:
    return Round(0, count, count, entropy_threshold=0.0, first=first)


def _only(round_: Round) -> NextRound:
    return lambda finished, _: None if finished else round_


def _rounds_of(share: Share, settings: DecodingSettings) -> NextRound:
    def rounds(finished: int, generated: int) -> Round | None:
        points = RULES[settings.rule]
        return next_round(share, generated, finished, _threshold(settings), points)

    return rounds


def _threshold(settings: DecodingSettings) -> float:
    assert settings.entropy_threshold is not None  # DecodingSettings has checked it
    return settings.entropy_threshold


def _key(prompt: Prompt) -> str:
    return f"{prompt.id}\x1f{','.join(map(str, prompt.token_ids))}"


def _mean_own_tokens(sequences: pa.Table) -> float:
    """Tokens that a sequence did not inherit, on average."""
    lengths = pc.sum(pc.list_value_length(sequences.column("token_ids"))).as_py()
    inherited = pc.sum(sequences.column("inherited_tokens")).as_py()
    return float((lengths - inherited) / sequences.num_rows)


def _initial_tables(target: PlannedTarget) -> dict[str, pa.Table] | None:
    """EAGer-init's sequences by prompt, for the methods that build on them."""
    if target.initial is None:
        return None
    table = read_table(Path(target.initial, "sequences.parquet"), "sequences")
    ids = table.column("prompt_id").to_pylist()
    starts = {prompt_id: ids.index(prompt_id) for prompt_id in dict.fromkeys(ids)}
    return {name: table.slice(start, ids.count(name)) for name, start in starts.items()}
