"""The public functions: submissions in, verdicts out."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from eager.sandbox.cache import Cache
from eager.sandbox.checker import ExpectedSet
from eager.sandbox.engines.containers import SandboxEngine
from eager.sandbox.references import expected_sets, run_reference, stored_reference
from eager.sandbox.runner import Outcome, outcome_to_store, run_set, send_task, stored_outcome
from eager.sandbox.sanitizing import Sanitized, sanitize, sanitize_alone
from eager.sandbox.selection import select_engine
from eager.sandbox.session import Session
from eager.sandbox.settings import VERDICT_LIMITS, SandboxSettings
from eager.sandbox.tasks import SET_NAMES, CodeTask, CodeVerdict, SetName, Submission, hash_of
from eager.util.errors import EagerError
from eager.util.fingerprint import code_identity

# Solutions of one task that a container gets in a row.
BATCH = 16

Job = TypeVar("Job")
Read = TypeVar("Read")


def evaluate(
    tasks: Sequence[CodeTask],
    submissions: Sequence[Submission],
    settings: SandboxSettings,
    cache_dir: Path,
) -> list[CodeVerdict]:
    """Evaluate every submission, in a sandbox, and return verdicts in the order of the submissions.

    Results are stored in `cache_dir` as they come; what is there is not run again, nor is the same
    program for the same task. What is damaged there is made again.

    Raises:
        EagerError: a submission for an unknown task, a task twice, no engine works, the sandbox
            fails, no space for results.
    """
    by_id: dict[str, CodeTask] = {}
    for task in tasks:
        if task.task_id in by_id:
            raise EagerError(f"task {task.task_id} occurs twice; give every task an id of its own")
        by_id[task.task_id] = task
    for submission in submissions:
        if submission.task_id not in by_id:
            raise EagerError(
                f"submission {submission.sample_id}: the data set has no task {submission.task_id};"
                " correct its task_id or name another data set"
            )
    return Evaluation(by_id, settings, Cache(cache_dir)).judge(submissions)


class Evaluation:
    """One evaluation: which programs, which are answered by stored results, and the rest."""

    def __init__(
        self,
        tasks: dict[str, CodeTask],
        settings: SandboxSettings,
        cache: Cache,
        engine: SandboxEngine | None = None,
    ) -> None:
        """`engine`: one that works already; otherwise it is chosen when the first key needs it."""
        self.tasks = tasks
        self.settings = settings
        self.cache = cache
        self._given = engine

    @cached_property
    def engine(self) -> SandboxEngine:
        """What runs the containers.

        Raises:
            EagerError: no engine works.
        """
        return self._given or select_engine(self.settings)

    @cached_property
    def software(self) -> list[str]:
        """What a verdict depends on besides task, program, limits and this project's code."""
        outside = [sys.version, version("numpy"), version("evalplus")]
        return [*self.engine.identity, *outside]

    def judge(self, submissions: Sequence[Submission]) -> list[CodeVerdict]:
        """Verdicts in the order of the submissions.

        Raises:
            EagerError: no engine works, no space for results.
        """
        programs = self.find_programs(submissions)
        keys: list[str | None] = []
        wanted: dict[str, tuple[str, str]] = {}
        for submission, (program, _) in zip(submissions, programs, strict=True):
            if program is None:
                keys.append(None)
                continue
            key = self.verdict_key(self.tasks[submission.task_id], program)
            keys.append(key)
            wanted.setdefault(key, (submission.task_id, program))
        results = {key: self.stored("verdicts", key, stored_outcome) for key in wanted}
        missing = [key for key, result in results.items() if result is None]
        results |= self.run_missing({key: wanted[key] for key in missing})
        return [
            _verdict(submission, *program, results[key] if key is not None else None)
            for submission, program, key in zip(submissions, programs, keys, strict=True)
        ]

    def stored(
        self, kind: str, key: str, read: Callable[[dict[str, Any]], Read | None]
    ) -> Read | None:
        """A stored result as `read` understands it, or None if it is absent or damaged."""
        value = self.cache.get(kind, key)
        return None if value is None else read(value)

    def verdict_key(self, task: CodeTask, program: str) -> str:
        """Key of a stored verdict: 64 hex digits of a hash."""
        limits = self.settings.model_dump(include=VERDICT_LIMITS)
        parts = (task.fingerprint, program, limits, self.software, code_identity("programs"))
        return hash_of("verdict", *parts)

    def find_programs(self, submissions: Sequence[Submission]) -> list[tuple[str | None, str]]:
        """The program of each submission, or None and why there is none.

        Raises:
            EagerError: no engine works, or the sanitizer fails on every text.
        """
        texts: dict[str, tuple[str, str]] = {}
        for submission in submissions:
            if submission.text is not None and submission.text.strip():
                task = self.tasks[submission.task_id]
                texts[self.text_key(submission)] = (task.entry_point, submission.text)
        found = self.sanitized(texts)
        programs: list[tuple[str | None, str]] = []
        for submission in submissions:
            if submission.completion is not None:
                prompt = self.tasks[submission.task_id].prompt
                programs.append((prompt + submission.completion, ""))
            elif submission.text is None:
                programs.append((submission.solution, ""))
            elif not submission.text.strip():
                programs.append((None, "the text is empty"))
            else:
                answer = found[self.text_key(submission)]
                empty = answer.code is not None and not answer.code.strip()
                reason = "no code in the text" if empty else answer.reason
                programs.append((None if reason else answer.code, reason))
        return programs

    def sanitized(self, texts: dict[str, tuple[str, str]]) -> dict[str, Sanitized]:
        """The code in each text, given with its task's entry point; stored where it is certain."""
        found: dict[str, Sanitized] = {}
        for key in texts:
            if (stored := self.stored("sanitized", key, Sanitized.read)) is not None:
                found[key] = stored

        def find(session: Session, key: str, alone: bool = False) -> None:
            answer = (sanitize_alone if alone else sanitize)(session, *texts[key], self.settings)
            found[key] = answer
            if answer.certain:
                self.cache.put("sanitized", key, answer.to_store())

        self.in_parallel([key for key in texts if key not in found], find, sanitizer=True)
        doubtful = [key for key, answer in found.items() if not answer.certain]
        self.in_parallel(doubtful, partial(find, alone=True), sanitizer=True, workers=1)
        return found

    def text_key(self, submission: Submission) -> str:
        """Key of the code that was found in a text: 64 hex digits of a hash."""
        entry_point = self.tasks[submission.task_id].entry_point
        parts = (entry_point, submission.text, self.settings.sanitize_seconds, self.software)
        return hash_of("sanitized", *parts, code_identity("programs"))

    def run_missing(self, wanted: dict[str, tuple[str, str]]) -> dict[str, Outcome]:
        """Run what no stored verdict answers, storing each as it comes.

        A solution that may have failed because of the machine is run again alone at the end.

        Raises:
            EagerError: no engine works, the sandbox fails, no space for results.
        """
        by_task: dict[str, list[str]] = {}
        for key, (task_id, _) in wanted.items():
            by_task.setdefault(task_id, []).append(key)
        self.make_references(
            one for one in by_task if not self.cache.has("references", self.reference_key(one))
        )
        outcomes: dict[str, Outcome] = {key: dict.fromkeys(SET_NAMES) for key in wanted}
        damaged: list[list[str]] = []

        def run_batch(session: Session, batch: list[str], alone: bool = False) -> None:
            task = self.tasks[wanted[batch[0]][0]]
            expected = self.expected(task)
            if expected is None:
                damaged.append(batch)
                return
            send_task(session, expected)
            for key in batch:
                outcome = outcomes[key]
                for name in SET_NAMES:
                    if outcome[name] is None:
                        outcome[name] = run_set(session, expected, name, wanted[key][1], alone)
                if all(outcome.values()):
                    self.cache.put("verdicts", key, outcome_to_store(outcome))

        self.in_parallel(_batches(by_task.values()), run_batch)
        if damaged:
            # Found only now: to read every reference before as well takes a tenth of the whole.
            again, damaged = damaged, []
            self.make_references(dict.fromkeys(wanted[batch[0]][0] for batch in again))
            self.in_parallel(again, run_batch)
        if damaged:
            raise EagerError(
                f"task {wanted[damaged[0][0]][0]}: its stored reference outputs have vanished or "
                "are damaged; rerun to make them again, and keep other programs out of the cache "
                "folder"
            )
        doubtful = [
            [key for key in keys if not all(outcomes[key].values())] for keys in by_task.values()
        ]
        self.in_parallel(_batches(doubtful), partial(run_batch, alone=True), workers=1)
        return outcomes

    def make_references(self, task_ids: Iterable[str]) -> None:
        """Run reference solutions, and store their outputs and times.

        They run in containers of their own: no solution runs beside them, or has run before them.

        Raises:
            EagerError: a reference solution fails, no engine works, no space for results.
        """

        def run_one(session: Session, task_id: str) -> None:
            reference = run_reference(session, self.tasks[task_id])
            self.cache.put("references", self.reference_key(task_id), reference)

        self.in_parallel(task_ids, run_one)

    def reference_key(self, task_id: str) -> str:
        """Key of a reference's stored outputs: 64 hex digits of a hash."""
        parts = (self.tasks[task_id].fingerprint, self.software, code_identity("programs"))
        return hash_of("reference", *parts)

    def expected(self, task: CodeTask) -> dict[SetName, ExpectedSet] | None:
        """What a task's solutions have to give; None if what is stored of it is damaged."""
        key = self.reference_key(task.task_id)
        reference = self.stored("references", key, partial(stored_reference, task))
        return None if reference is None else expected_sets(task, reference, self.settings)

    def in_parallel(
        self,
        jobs: Iterable[Job],
        work: Callable[[Session, Job], None],
        sanitizer: bool = False,
        workers: int | None = None,
    ) -> None:
        """Do all jobs, each worker thread with a container of its own.

        `workers`: how many at most; None: as the settings say.

        Raises:
            BaseException: the first error of a job, or an interruption, once it has ended every
                container.
        """
        pending: queue.SimpleQueue[Job] = queue.SimpleQueue()
        for job in jobs:
            pending.put(job)
        if pending.empty():
            return
        count = min(workers or self.settings.worker_count(), pending.qsize())
        sessions = [Session(self.engine, slot, sanitizer) for slot in range(count)]
        errors: list[BaseException] = []
        stop = threading.Event()

        def serve(session: Session) -> None:
            try:
                with session:
                    while not stop.is_set():
                        work(session, pending.get_nowait())
            except queue.Empty:
                pass
            except BaseException as error:
                errors.append(error)
                stop.set()

        threads = [threading.Thread(target=serve, args=(one,), daemon=True) for one in sessions]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive() and not stop.is_set():
                    thread.join(0.2)
        finally:
            stop.set()
            for session in sessions:
                session.shut()
        if errors:
            raise errors[0]


def _batches(lists: Iterable[list[str]]) -> Iterator[list[str]]:
    """Every list in pieces of at most BATCH."""
    for keys in lists:
        for start in range(0, len(keys), BATCH):
            yield keys[start : start + BATCH]


def _verdict(
    submission: Submission, program: str | None, reason: str, outcome: Outcome | None
) -> CodeVerdict:
    named = partial(CodeVerdict, task_id=submission.task_id, sample_id=submission.sample_id)
    if program is None or outcome is None:
        return named(detail=reason)
    base, plus = outcome["base"], outcome["plus"]
    assert base is not None
    assert plus is not None
    blamed = plus if base.passed else base
    return named(
        base=base.passed,
        plus=plus.passed,
        correct=base.passed and plus.passed,
        status=blamed.status,
        detail=blamed.detail,
        base_status=base.status,
        plus_status=plus.status,
        base_failed_test=base.failed_test,
        plus_failed_test=plus.failed_test,
        solution=program,
    )
