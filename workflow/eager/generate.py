"""One generation step: prompts in, sequences and branches out, resumable in between."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import pyarrow as pa

from eager.allocation import Round, Share, next_round
from eager.budget import read_shares
from eager.decoder import Decoder, NextRound, PromptRun
from eager.engine import Engine, VllmEngine
from eager.errors import EagerError
from eager.files import model_folder, read_json, write_json
from eager.fingerprint import code_fingerprint
from eager.journal import FinishedPrompt, Journal
from eager.progress import Progress
from eager.prompts import Prompt, Vocabulary, read_prompts
from eager.provenance import describe_run
from eager.records import Tokenizer, tree_tables
from eager.settings import DecodingSettings, EngineOptions
from eager.tables import BRANCHES, SEQUENCES, concatenate, read_table, write_table

EngineFactory = Callable[[], tuple[Engine, Tokenizer]]


@dataclass(frozen=True)
class Inputs:
    """What a generation step reads.

    `allocation` and `initial` (the folder of EAGer-init's result) belong to the budgeted methods.
    """

    model_manifest: Path
    prompts: Path
    allocation: Path | None = None
    initial: Path | None = None


@dataclass(frozen=True)
class WorkItem:
    """One prompt with its rounds, the key its result depends on, and its result's first index."""

    prompt: Prompt
    next_round: NextRound
    key: str
    first_index: int = 0


class Generation:
    """Runs the prompts that no earlier run has finished, and keeps each as it finishes.

    Args:
        settings: the parameters.
        vocabulary: ends and context length.
        work: every prompt of the shard, in order.
        journal: finished prompts.
    """

    def __init__(
        self,
        settings: DecodingSettings,
        vocabulary: Vocabulary,
        work: list[WorkItem],
        journal: Journal,
    ) -> None:
        self.settings = settings
        self.finished: dict[str, FinishedPrompt] = {}
        self._vocabulary = vocabulary
        self._items = {item.prompt.id: item for item in work}
        self._journal = journal
        for item in work:
            if (found := journal.read(item.key)) is not None:
                self.finished[item.prompt.id] = found
        self.found = len(self.finished)

    def run(self, make_engine: EngineFactory, progress: Progress) -> None:
        """Finish all prompts; starts no engine where nothing is left to generate."""
        progress.begin(self.found)
        remaining = [i for i in self._items.values() if i.prompt.id not in self.finished]
        if not any(item.next_round(0, 0) for item in remaining):
            for item in remaining:
                self._keep(item, _empty_result())
            progress.end(len(self.finished), forks=0, tokens=0)
            return
        engine, tokenizer = make_engine()
        decoder = Decoder(engine, self.settings, self._vocabulary)
        counts = _CountDifferences(decoder)
        for runs in decoder.run([(item.prompt, item.next_round) for item in remaining]):
            for run in runs:
                item = self._items[run.prompt.id]
                tables = self._tables(item, run, tokenizer)
                self._keep(item, FinishedPrompt(*tables, counts=counts.since_last()))
            progress.update(
                len(self.finished),
                decoder.live_sequences,
                decoder.counters.forks,
                decoder.counters.tokens,
            )
        progress.end(len(self.finished), decoder.counters.forks, decoder.counters.tokens)

    def _keep(self, item: WorkItem, finished: FinishedPrompt) -> None:
        self._journal.write(item.key, finished)
        self.finished[item.prompt.id] = finished

    def _tables(
        self, item: WorkItem, run: PromptRun, tokenizer: Tokenizer
    ) -> tuple[pa.Table, pa.Table]:
        sequences, branches = [], []
        index = item.first_index
        for round_, tree in run.finished:
            tables = tree_tables(
                item.prompt.id,
                tree,
                round_number=round_.number,
                first_index=index,
                count_words=self.settings.method != "parallel",
                tokenizer=tokenizer,
            )
            sequences.append(tables[0])
            branches.append(tables[1])
            index += len(tree.sequences)
        return concatenate(sequences, SEQUENCES), concatenate(branches, BRANCHES)


class _CountDifferences:
    """Splits the decoder's running totals among the prompts, so that a resume adds up."""

    def __init__(self, decoder: Decoder) -> None:
        self._counters = decoder.counters
        self._last: dict[str, float] = dict.fromkeys(vars(self._counters), 0)

    def since_last(self) -> dict[str, float]:
        now = dict(vars(self._counters))
        difference = {name: now[name] - self._last[name] for name in now}
        self._last = now
        return difference


def generate(
    settings: DecodingSettings,
    options: EngineOptions,
    inputs: Inputs,
    output: Path,
    progress_for: Callable[[int], Progress],
) -> None:
    """Make `sequences.parquet`, `branches.parquet` and `run.json` in the folder `output`.

    Args:
        settings: the parameters that make the result.
        options: speed and memory.
        inputs: files to read.
        output: folder of the result; the journal lies in it meanwhile.
        progress_for: the live line for a number of prompts.

    Raises:
        EagerError: an input is missing or does not fit.
    """
    prompts, vocabulary = read_prompts(inputs.prompts)
    manifest = read_json(inputs.model_manifest)
    initial = _initial_tables(settings, inputs)
    work = list(_work(settings, prompts, inputs, initial))
    identity = {
        "settings": json.loads(settings.model_dump_json()),
        "vocabulary": vocabulary.model_dump(),
        "model": manifest["files"],
        "code": code_fingerprint("generate"),
    }
    journal = Journal(output, json.dumps(identity, sort_keys=True))
    generation = Generation(settings, vocabulary, work, journal)
    started = perf_counter()
    load_seconds = 0.0

    def make_engine() -> tuple[Engine, Tokenizer]:
        nonlocal load_seconds
        begin = perf_counter()
        engine = VllmEngine(
            model_folder(inputs.model_manifest),
            settings,
            options,
            vocabulary.context_length,
            vocabulary.end_of_sequence,
        )
        load_seconds = perf_counter() - begin
        return engine, engine.tokenizer

    generation.run(make_engine, progress_for(len(work)))
    finished = [generation.finished[prompt.id] for prompt in prompts]
    _write_outputs(output, prompts, initial, finished)
    write_json(
        output / "run.json",
        describe_run(
            identity["settings"],
            model={key: manifest[key] for key in ("model", "source", "revision", "files")},
            prompts=len(prompts),
            prompts_found_finished=generation.found,
            engine_options=options.model_dump(),
            code_fingerprint=identity["code"],
            counts=_sum_counts(finished),
            load_seconds=load_seconds,
            wall_seconds=perf_counter() - started,
        ),
    )
    journal.remove()


def _work(
    settings: DecodingSettings,
    prompts: list[Prompt],
    inputs: Inputs,
    initial: dict[str, pa.Table] | None,
) -> Iterator[WorkItem]:
    if initial is None:
        first = _first_round(settings)
        for prompt in prompts:
            yield WorkItem(prompt, lambda rounds, _: None if rounds else first, _key(prompt))
        return
    if inputs.allocation is None:
        raise EagerError(f"{settings.method} needs the allocation of the saved budget")
    shares = read_shares(inputs.allocation)
    for prompt in prompts:
        if prompt.id not in shares or prompt.id not in initial:
            raise EagerError(
                f"{inputs.allocation}: knows nothing of prompt {prompt.id!r}; it was made from "
                "other prompts. Delete it and rerun"
            )
        share = shares[prompt.id]
        first_index = initial[prompt.id].num_rows
        yield WorkItem(
            prompt,
            _budgeted_rounds(share, settings),
            f"{_key(prompt)}\x1f{share.share}\x1f{share.saturated}\x1f{first_index}",
            first_index,
        )


def _first_round(settings: DecodingSettings) -> Round:
    cap = settings.max_sequences
    if settings.method == "parallel":
        return Round(0, cap, cap, entropy_threshold=0.0)
    return Round(0, 1, cap, _threshold(settings))


def _budgeted_rounds(share: Share, settings: DecodingSettings) -> NextRound:
    def rounds(finished: int, generated: int) -> Round | None:
        theta, cap = _threshold(settings), settings.max_sequences
        return next_round(share, generated, finished, theta, cap)

    return rounds


def _threshold(settings: DecodingSettings) -> float:
    assert settings.entropy_threshold is not None  # DecodingSettings has seen to it
    return settings.entropy_threshold


def _key(prompt: Prompt) -> str:
    return f"{prompt.id}\x1f{','.join(map(str, prompt.token_ids))}"


def _initial_tables(settings: DecodingSettings, inputs: Inputs) -> dict[str, pa.Table] | None:
    """EAGer-init's sequences by prompt, for the methods that build on them."""
    if settings.method in ("parallel", "eager_init"):
        return None
    if inputs.initial is None:
        raise EagerError(f"{settings.method} needs the result of eager_init")
    table = read_table(inputs.initial / "sequences.parquet", "sequences")
    ids = table.column("prompt_id").to_pylist()
    starts = {prompt_id: ids.index(prompt_id) for prompt_id in dict.fromkeys(ids)}
    return {name: table.slice(start, ids.count(name)) for name, start in starts.items()}


def _write_outputs(
    output: Path,
    prompts: list[Prompt],
    initial: dict[str, pa.Table] | None,
    finished: list[FinishedPrompt],
) -> None:
    tables = []
    for prompt, result in zip(prompts, finished, strict=True):
        if initial is not None:
            tables.append(initial[prompt.id].replace_schema_metadata(None))
        tables.append(result.sequences)
    sequences = concatenate(tables, SEQUENCES)
    branches = concatenate((result.branches for result in finished), BRANCHES)
    write_table(output / "sequences.parquet", sequences, "sequences")
    write_table(output / "branches.parquet", branches, "branches")
    # Entropies are left out: their NaN is not equal to itself.
    compared = [name for name in SEQUENCES.names if name != "entropies"]
    written = read_table(output / "sequences.parquet", "sequences")
    if not written.select(compared).equals(sequences.select(compared)):
        raise RuntimeError(f"{output}/sequences.parquet does not read back as it was written")


def _sum_counts(finished: list[FinishedPrompt]) -> dict[str, float]:
    totals: dict[str, Any] = {}
    for result in finished:
        for name, count in result.counts.items():
            totals[name] = totals.get(name, 0) + count
    return totals


def _empty_result() -> FinishedPrompt:
    return FinishedPrompt(SEQUENCES.empty_table(), BRANCHES.empty_table(), counts={})
