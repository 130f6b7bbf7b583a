"""One job of a generation: prompts in, finished prompts in the store out, resumable."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from time import perf_counter

import pyarrow as pa

from eager.config.experiment import PlannedTarget
from eager.config.paths import STORE
from eager.config.settings import DecodingSettings, EngineOptions
from eager.data.model_settings import used_dtype
from eager.data.models import model_folder
from eager.data.prompts import Vocabulary, template_date
from eager.data.tokenization import Texts
from eager.generation.decoder import Decoder
from eager.generation.engine import Engine, VllmEngine
from eager.generation.model_shape import model_shape
from eager.generation.progress import Progress
from eager.generation.prompt_run import PromptRun
from eager.generation.provenance import check_build, describe_run, engine_software
from eager.generation.records import tree_tables
from eager.generation.shards import Shard, partition
from eager.generation.signals import StopRequest, stop_requests
from eager.generation.snapshots import SnapshotFiles
from eager.generation.store import UNDER_WAY, FinishedPrompt, Store, entry_key
from eager.generation.work import Work, WorkItem
from eager.util.counts import added
from eager.util.files import read_json, write_json
from eager.util.fingerprint import code_identity
from eager.util.tables import BRANCHES, SEQUENCES, concatenate

EngineFactory = Callable[[], tuple[Engine, Texts]]


class Generation:
    """Runs the prompts that no earlier run has finished, and keeps each as it finishes.

    Args:
        settings: the parameters.
        vocabulary: ends and context length.
        work: every prompt of the shard, in order.
        keys: key of each item in the store, in the order of `work`.
        store: finished prompts.
        stop: asked after every step.

    Attributes:
        sequences: how many have been generated.
        load_seconds: what loading the engine took.
        found: prompts that were finished before.
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
        self.sequences = 0
        self.load_seconds = 0.0
        self.prompts = len({item.prompt.id for item in work})
        self._vocabulary = vocabulary
        self._left = dict(zip(keys, work, strict=True))
        self._before: dict[str, FinishedPrompt] = {}
        self._store = store
        self._stop = stop
        self._look_up()

    @property
    def finished(self) -> int:
        """Prompts of which nothing is left to generate."""
        return self.prompts - len({item.prompt.id for item in self._left.values()})

    def run(self, make_engine: EngineFactory, progress: Progress) -> None:
        """Finish all prompts; starts no engine where nothing is left to generate.

        The prompts are locked only while there are some to generate.

        Raises:
            EagerError: another job is generating these prompts.
            StoppedError: a signal has come; what is finished is in the store, what was running
                goes on from its last state.
        """
        with ExitStack() as held:
            if self._left:
                with self._stop.at_once():
                    held.enter_context(self._store.hold(self._left))
                self._look_up()  # another job may have finished them before the lock was free
            self._finish(make_engine, progress)

    def _finish(self, make_engine: EngineFactory, progress: Progress) -> None:
        progress.begin(self.found)
        remaining = [(key, self._to_draw(key, item)) for key, item in self._left.items()]
        if not any(item.next_round(0, 0) for _, item in remaining):
            for key, _ in remaining:
                self._keep(key, _empty_result())
            progress.end(self.finished, forks=0, tokens=0)
            return
        begin = perf_counter()
        with self._stop.at_once():
            engine, texts = make_engine()
        self.load_seconds = perf_counter() - begin
        snapshots = SnapshotFiles(
            [self._file_under_way(key, item) for key, item in remaining], progress.say
        )
        decoder = Decoder(engine, self.settings, self._vocabulary, texts, snapshots)
        snapshots.new_counts = _CountDifferences(decoder).since_last
        finished = self.finished
        for runs in decoder.run([(item.prompt, item.next_round) for _, item in remaining]):
            for run in runs:
                key, item = remaining[run.priority]
                counts = added(snapshots.new_counts(), snapshots.counts(run.priority))
                tables = self._tables(item, run, texts)
                self._keep(key, FinishedPrompt(*tables, counts | _tokens_of(run)))
                snapshots.forget(run.priority)
                finished = self.finished
            self._stop.check()
            progress.update(
                finished, decoder.live_sequences, decoder.counters.forks, decoder.counters.tokens
            )
        progress.end(self.finished, decoder.counters.forks, decoder.counters.tokens)

    def _look_up(self) -> None:
        """Find out what is finished, and from which sample on a block is to go on."""
        for key, item in list(self._left.items()):
            found = self._store.read(key)
            if found is None:
                continue
            if item.samples is None or found.sequences.num_rows >= item.samples:
                del self._left[key]
            else:
                self._before[key] = found
        self.found = self.finished

    def _to_draw(self, key: str, item: WorkItem) -> WorkItem:
        before = self._before.get(key)
        return item if before is None else item.without(before.sequences.num_rows)

    def _file_under_way(self, key: str, item: WorkItem) -> Path:
        """Where the state of a prompt is kept; of a block, by the first sample to be drawn."""
        return self._store.path(entry_key(key, str(item.first_index)), UNDER_WAY)

    def _keep(self, key: str, finished: FinishedPrompt) -> None:
        self.sequences += finished.sequences.num_rows
        if before := self._before.get(key):
            finished = before.followed_by(finished)
        self._store.write(key, finished)
        del self._left[key]

    def _tables(self, item: WorkItem, run: PromptRun, texts: Texts) -> tuple[pa.Table, pa.Table]:
        sequences, branches = [], []
        index = item.first_index
        for round_, tree in run.finished:
            tables = tree_tables(
                item.prompt,
                tree,
                round_number=round_.number,
                first_index=index,
                count_words=self.settings.method != "parallel",
                texts=texts,
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


def done_file(target: PlannedTarget, shard: Shard) -> Path:
    """What a job writes when its shard is done."""
    return target.file(f"shard-{shard}.json")


def generate(
    target: PlannedTarget,
    work: Work,
    options: EngineOptions,
    shard: Shard,
    progress_for: Callable[[int], Progress],
    store: Path = STORE,
) -> None:
    """Bring the prompts of one shard into the store and write the shard's done file.

    Args:
        target: what is generated, and from what.
        work: of the whole target.
        options: speed and memory.
        shard: which of the prompts.
        progress_for: the live line for a number of prompts.
        store: finished prompts.

    Raises:
        EagerError: an input is missing or does not fit, or another job is generating these prompts.
        OSError: the disk is full; finished prompts are kept.
        StoppedError: SIGTERM or SIGUSR1 has come.
    """
    chosen = _prompts_of(shard, work.items)
    every = zip(work.items, work.keys, strict=True)
    mine = [(item, key) for item, key in every if item.prompt.id in chosen]
    progress = progress_for(len(chosen))
    software = engine_software()
    entries = Store(store / software, progress.say)
    load = partial(_load, target, options, work.vocabulary, progress.say)
    started = perf_counter()
    with stop_requests() as stop:
        items, keys = [item for item, _ in mine], [key for _, key in mine]
        generation = Generation(target.settings, work.vocabulary, items, keys, entries, stop)
        generation.run(load, progress)
        manifest = read_json(Path(target.model_manifest))
        model = {key: manifest[key] for key in ("model", "source", "revision", "files")}
        folder = model_folder(Path(target.model_manifest), weights=False)
        dtype = used_dtype(folder, target.settings.dtype)
        done = describe_run(
            json.loads(target.settings.model_dump_json()),
            model=model | {"dtype": dtype, "shape": model_shape(folder, dtype)},
            template_date=template_date(Path(target.prompts)),
            shard=str(shard),
            prompts=len(chosen),
            prompts_found_finished=generation.found,
            sequences_generated=generation.sequences,
            engine=software,
            engine_options=options.model_dump(),
            code_fingerprint=code_identity("tokens", target.method),
            load_seconds=generation.load_seconds,
            wall_seconds=perf_counter() - started,
        )
        write_json(done_file(target, shard), done)


def _prompts_of(shard: Shard, items: list[WorkItem]) -> set[str]:
    """The prompts of a shard; one with several blocks of samples stays together."""
    costs: dict[str, float] = {}
    for item in items:
        costs[item.prompt.id] = costs.get(item.prompt.id, 0.0) + item.cost
    prompts = list(costs)
    chosen = partition(list(costs.values()), shard.count)[shard.number - 1]
    return {prompts[index] for index in chosen}


def _load(
    target: PlannedTarget,
    options: EngineOptions,
    vocabulary: Vocabulary,
    say: Callable[[str], None],
) -> tuple[Engine, Texts]:
    """Load vLLM with the model."""
    if remark := check_build():
        say(remark)
    manifest = Path(target.model_manifest)
    engine = VllmEngine(
        model_folder(manifest),
        target.settings,
        options,
        vocabulary.context_length,
        vocabulary.end_of_sequence,
    )
    # Again: files that were replaced while they were read are not those that were hashed.
    model_folder(manifest)
    return engine, engine.texts


def _empty_result() -> FinishedPrompt:
    return FinishedPrompt(SEQUENCES.empty_table(), BRANCHES.empty_table(), counts={})
