"""One job of a generation: prompts in, finished prompts in the store out, resumable."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Any

import pyarrow as pa

from eager.config.settings import DecodingSettings, EngineOptions
from eager.data.models import model_folder
from eager.data.prompts import Vocabulary, template_date
from eager.generation.counts import added
from eager.generation.decoder import Decoder, vocabulary_of
from eager.generation.engine import Engine, VllmEngine
from eager.generation.progress import Progress
from eager.generation.prompt_run import PromptRun
from eager.generation.provenance import check_build, describe_run, engine_software
from eager.generation.records import Tokenizer, tree_tables
from eager.generation.samples import with_more
from eager.generation.shards import Shard, partition
from eager.generation.signals import StopRequest, stop_requests
from eager.generation.snapshots import SnapshotFiles
from eager.generation.store import UNDER_WAY, FinishedPrompt, Store, entry_key
from eager.generation.work import Inputs, Work, WorkItem, read_work
from eager.util.files import read_json, report_full_disk, write_json
from eager.util.fingerprint import code_identity
from eager.util.tables import BRANCHES, SEQUENCES, concatenate

EngineFactory = Callable[[], tuple[Engine, Tokenizer]]


class Generation:
    """Runs the prompts that no earlier run has finished, and keeps each as it finishes.

    Args:
        settings: the parameters.
        vocabulary: ends and context length.
        work: every prompt of the shard, in order.
        keys: key of each item in the store, in the order of `work`.
        store: finished prompts.
        stop: asked after every step.
    """

    def __init__(
        self,
        settings: DecodingSettings,
        vocabulary: Vocabulary,
        work: list[WorkItem],
        keys: list[str],
        store: Store,
        stop: StopRequest,
    ) -> None:
        self.settings = settings
        self.finished: set[str] = set()
        self.sequences = 0
        self._vocabulary = vocabulary
        self._items = {item.prompt.id: item for item in work}
        self._keys = {item.prompt.id: key for item, key in zip(work, keys, strict=True)}
        self._before: dict[str, FinishedPrompt] = {}
        self._store = store
        self._stop = stop
        self._look_up()

    def run(self, make_engine: EngineFactory, progress: Progress) -> None:
        """Finish all prompts; starts no engine where nothing is left to generate.

        The prompts are locked only while there are some to generate: results that find everything,
        such as those of smaller M, keep nobody waiting.

        Raises:
            EagerError: another job is generating these prompts.
            StoppedError: a signal has come; what is finished is in the store, what was running
                goes on from its last state.
        """
        with ExitStack() as held:
            if len(self.finished) < len(self._items):
                with self._stop.at_once():
                    held.enter_context(self._store.hold(self._keys.values()))
                self._look_up()  # another job may have finished them before the lock was free
            self._finish(make_engine, progress)

    def _finish(self, make_engine: EngineFactory, progress: Progress) -> None:
        progress.begin(self.found)
        remaining = [i for i in self._items.values() if i.prompt.id not in self.finished]
        if not any(item.next_round(0, 0) for item in remaining):
            for item in remaining:
                self._keep(item, _empty_result())
            progress.end(len(self.finished), forks=0, tokens=0)
            return
        with self._stop.at_once():
            engine, tokenizer = make_engine()
        vocabulary = vocabulary_of(self.settings.rule, self._vocabulary, tokenizer)
        snapshots = SnapshotFiles(self._files_under_way(remaining), progress.say)
        decoder = Decoder(engine, self.settings, vocabulary, snapshots)
        snapshots.new_counts = _CountDifferences(decoder).since_last
        for runs in decoder.run([(item.prompt, item.next_round) for item in remaining]):
            for run in runs:
                item = self._items[run.prompt.id]
                counts = added(snapshots.new_counts(), snapshots.counts(run.prompt.id))
                tables = self._tables(item, run, tokenizer)
                self._keep(item, FinishedPrompt(*tables, counts | _tokens_of(run)))
                snapshots.forget(run.prompt.id)
            self._stop.check()
            progress.update(
                len(self.finished),
                decoder.live_sequences,
                decoder.counters.forks,
                decoder.counters.tokens,
            )
        progress.end(len(self.finished), decoder.counters.forks, decoder.counters.tokens)

    def _look_up(self) -> None:
        """Find out what is finished, and from which sample on Full Parallel is to go on."""
        for prompt_id, item in self._items.items():
            found = None if prompt_id in self.finished else self._store.read(self._keys[prompt_id])
            if found is None:
                continue
            there = found.sequences.num_rows
            if item.samples is None or there >= item.samples:
                self.finished.add(prompt_id)
            else:
                self._before[prompt_id] = found
                self._items[prompt_id] = item.after(there)
        self.found = len(self.finished)

    def _files_under_way(self, items: list[WorkItem]) -> dict[str, Path]:
        """Where the states of prompts are kept, by the samples that are to be drawn."""
        keys = (
            entry_key(self._keys[item.prompt.id], f"{item.first_index} {item.samples}")
            for item in items
        )
        return {
            item.prompt.id: self._store.path(key, UNDER_WAY)
            for item, key in zip(items, keys, strict=True)
        }

    def _keep(self, item: WorkItem, finished: FinishedPrompt) -> None:
        prompt_id = item.prompt.id
        self.sequences += finished.sequences.num_rows
        if prompt_id in self._before:
            finished = with_more(self._before[prompt_id], finished)
        write = self._store.write if item.samples is None else self._store.write_samples
        write(self._keys[prompt_id], finished)
        self.finished.add(prompt_id)

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


def _tokens_of(run: PromptRun) -> dict[str, float]:
    """Counts of one prompt by itself, which no interruption changes."""
    trees = [tree for _, tree in run.finished]
    return {
        "tokens": sum(tree.sampled for tree in trees),
        "forks": sum(len(tree.branches) for tree in trees),
    }


class _CountDifferences:
    """Splits the decoder's running totals among the prompts, so that a resume adds up."""

    def __init__(self, decoder: Decoder) -> None:
        self._counters = decoder.counters
        self._last = self._totals()

    def _totals(self) -> dict[str, float]:
        totals = dict(vars(self._counters))
        del totals["tokens"], totals["forks"]  # known of each prompt
        return totals

    def since_last(self) -> dict[str, float]:
        now = self._totals()
        difference = {name: now[name] - self._last[name] for name in now}
        self._last = now
        return difference


def done_file(output: Path, shard: Shard) -> Path:
    """What a job writes when its shard is done."""
    return output / f"shard-{shard}.json"


def generation_identity(settings: DecodingSettings, inputs: Inputs, work: Work) -> dict[str, Any]:
    """Everything that decides the results of a generation besides its prompts and the software.

    What the software is, the folder of the store says: `store_folder`.
    """
    # How many samples are asked for decides none of them, and the end of thinking only where
    # sequences branch. The context length stays, though `max_tokens` may be shorter: vLLM chooses
    # the rotary embeddings of some models (LongRoPE) by it.
    without = {"max_sequences", "end_of_thinking"} if settings.method == "parallel" else None
    return {
        "settings": json.loads(settings.model_dump_json(exclude=without)),
        "vocabulary": work.vocabulary.model_dump(exclude=without),
        "model": read_json(inputs.model_manifest)["files"],
        "code": code_identity("tokens", settings.method),
    }


def store_folder(store: Path) -> Path:
    """The part of a store that holds what the installed software has generated."""
    return store / engine_software()


def entry_keys(settings: DecodingSettings, inputs: Inputs, work: Work) -> list[str]:
    """Keys in the store of all prompts of a generation, in order."""
    identity = json.dumps(generation_identity(settings, inputs, work), sort_keys=True)
    return [entry_key(identity, item.key) for item in work.items]


def generate(
    settings: DecodingSettings,
    options: EngineOptions,
    inputs: Inputs,
    output: Path,
    shard: Shard,
    progress_for: Callable[[int], Progress],
) -> None:
    """Bring the prompts of one shard into the store and write the shard's done file.

    Args:
        settings: the parameters that make the result.
        options: speed and memory.
        inputs: files to read, and the store.
        output: folder of the result.
        shard: which of the prompts.
        progress_for: the live line for a number of prompts.

    Raises:
        EagerError: an input is missing or does not fit, the disk is full, or another job is
            generating these prompts.
        StoppedError: SIGTERM or SIGUSR1 has come.
    """
    work = read_work(settings, inputs)
    chosen = partition([item.cost for item in work.items], shard.count)[shard.number - 1]
    all_keys = entry_keys(settings, inputs, work)
    items, keys = [work.items[i] for i in chosen], [all_keys[i] for i in chosen]
    progress = progress_for(len(items))
    store = Store(store_folder(inputs.store), progress.say)
    loader = _Loader(settings, options, inputs, work, progress.say)
    started = perf_counter()
    with stop_requests() as stop, report_full_disk("Finished prompts are kept"):
        generation = Generation(settings, work.vocabulary, items, keys, store, stop)
        generation.run(loader.load, progress)
        manifest = read_json(inputs.model_manifest)
        done = describe_run(
            json.loads(settings.model_dump_json()),
            model={key: manifest[key] for key in ("model", "source", "revision", "files")},
            template_date=template_date(inputs.prompts),
            shard=str(shard),
            prompts=len(items),
            prompts_found_finished=generation.found,
            sequences_generated=generation.sequences,
            pool=inputs.pool,
            engine=engine_software(),
            engine_options=options.model_dump(),
            code_fingerprint=code_identity("tokens", settings.method),
            load_seconds=loader.seconds,
            wall_seconds=perf_counter() - started,
        )
        write_json(done_file(output, shard), done)


class _Loader:
    """Loads vLLM with the model when it turns out to be needed; `seconds` is what that took."""

    def __init__(
        self,
        settings: DecodingSettings,
        options: EngineOptions,
        inputs: Inputs,
        work: Work,
        say: Callable[[str], None],
    ) -> None:
        self.seconds = 0.0
        self._say = say
        self._settings = settings
        self._options = options
        self._manifest = inputs.model_manifest
        self._vocabulary = work.vocabulary

    def load(self) -> tuple[Engine, Tokenizer]:
        if remark := check_build():
            self._say(remark)
        begin = perf_counter()
        engine = VllmEngine(
            model_folder(self._manifest),
            self._settings,
            self._options,
            self._vocabulary.context_length,
            self._vocabulary.end_of_sequence,
        )
        # Again: files that were replaced while they were read are not those that were hashed.
        model_folder(self._manifest)
        self.seconds = perf_counter() - begin
        return engine, engine.tokenizer


def _empty_result() -> FinishedPrompt:
    return FinishedPrompt(SEQUENCES.empty_table(), BRANCHES.empty_table(), counts={})
