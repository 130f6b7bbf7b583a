"""What a generation has to do: every prompt with its rounds, its key and its estimated cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from eager.algorithm.allocation import Round, Share, next_round
from eager.algorithm.rules import RULES
from eager.config.experiment import Target
from eager.config.paths import STORE
from eager.config.settings import BUDGET_METHODS, DecodingSettings
from eager.data.prompts import Prompt, Vocabulary, read_prompts
from eager.generation.budget import read_shares
from eager.generation.prompt_run import NextRound
from eager.generation.shards import estimated_cost
from eager.util.errors import EagerError
from eager.util.tables import read_table


@dataclass(frozen=True)
class Inputs:
    """What a generation step reads.

    `allocation` and `initial` (the folder of EAGer-init's result) belong to the budgeted methods;
    `store` has the finished prompts, and is written too. `pool` names the result of Full Parallel
    that this one, with a smaller M, waited for.
    """

    model_manifest: Path
    prompts: Path
    allocation: Path | None = None
    initial: Path | None = None
    store: Path = STORE
    pool: str | None = None


def inputs_of(target: Target, store: Path = STORE) -> Inputs:
    """The files that a generation of the workflow reads."""
    return Inputs(
        Path(target.model_manifest),
        Path(target.prompts),
        Path(target.allocation) if target.allocation else None,
        Path(target.initial) if target.initial else None,
        store,
        target.pool,
    )


@dataclass(frozen=True)
class WorkItem:
    """One prompt.

    Attributes:
        prompt: its id and token ids.
        next_round: its rounds.
        key: all that its result depends on beside the settings.
        cost: tokens it is expected to take through the model.
        first_index: index of its first new sequence.
        samples: how many the result takes of an entry that may have more of them, or less; None
            where an entry is what the result needs.
    """

    prompt: Prompt
    next_round: NextRound
    key: str
    cost: float
    first_index: int = 0
    samples: int | None = None

    def after(self, samples: int) -> WorkItem:
        """The item without its first samples, which an earlier generation has drawn."""
        assert self.samples is not None
        rest = self.samples - samples
        round_ = Round(0, rest, rest, entropy_threshold=0.0, first=samples)
        return replace(self, next_round=_only(round_), first_index=samples)


@dataclass(frozen=True)
class Work:
    """Everything a generation has to do.

    Attributes:
        vocabulary: ends and context length.
        items: every prompt, in order.
        initial: EAGer-init's sequences by prompt, for the methods that build on them.
    """

    vocabulary: Vocabulary
    items: list[WorkItem]
    initial: dict[str, pa.Table] | None


def read_work(settings: DecodingSettings, inputs: Inputs) -> Work:
    """Read the inputs of a generation.

    Raises:
        EagerError: an input is missing or does not fit.
    """
    prompts, vocabulary = read_prompts(inputs.prompts)
    initial = _initial_tables(settings, inputs)
    if initial is None:
        items = _first_rounds(settings, prompts, vocabulary)
    else:
        items = _budgeted_rounds(settings, prompts, inputs.allocation, initial)
    return Work(vocabulary, list(items), initial)


def _first_rounds(
    settings: DecodingSettings, prompts: list[Prompt], vocabulary: Vocabulary
) -> Iterator[WorkItem]:
    """One round per prompt. The length of answers is unknown: all are taken to be equally long."""
    first = _first_round(settings)
    longest = max((len(prompt.token_ids) for prompt in prompts), default=0)
    available = vocabulary.context_length - longest
    answer = min(available, settings.max_tokens or available)
    samples = settings.max_sequences if settings.method == "parallel" else None
    for prompt in prompts:
        cost = estimated_cost(len(prompt.token_ids), settings.max_sequences, answer)
        yield WorkItem(prompt, _only(first), _key(prompt), cost, samples=samples)


def _budgeted_rounds(
    settings: DecodingSettings,
    prompts: list[Prompt],
    allocation: Path | None,
    initial: dict[str, pa.Table],
) -> Iterator[WorkItem]:
    """The rounds of a prompt's share; its answers are taken to be as long as EAGer-init's."""
    if allocation is None:
        raise EagerError(f"{settings.method} needs the allocation of the saved budget")
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
            _rounds_of(share, settings),
            f"{_key(prompt)}\x1f{share.share}\x1f{share.saturated}\x1f{before.num_rows}",
            estimated_cost(len(prompt.token_ids), share.share, _mean_own_tokens(before)),
            before.num_rows,
        )


def _first_round(settings: DecodingSettings) -> Round:
    cap = settings.max_sequences
    if settings.method == "parallel":
        return Round(0, cap, cap, entropy_threshold=0.0)
    return Round(0, 1, cap, _threshold(settings))


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


def _initial_tables(settings: DecodingSettings, inputs: Inputs) -> dict[str, pa.Table] | None:
    """EAGer-init's sequences by prompt, for the methods that build on them."""
    if settings.method not in BUDGET_METHODS:
        return None
    if inputs.initial is None:
        raise EagerError(f"{settings.method} needs the result of eager_init")
    table = read_table(inputs.initial / "sequences.parquet", "sequences")
    ids = table.column("prompt_id").to_pylist()
    starts = {prompt_id: ids.index(prompt_id) for prompt_id in dict.fromkeys(ids)}
    return {name: table.slice(start, ids.count(name)) for name, start in starts.items()}
