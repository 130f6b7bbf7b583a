"""The public functions: submissions in, verdicts out."""

from __future__ import annotations

import hashlib
import json
import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from eager.sandbox.checker import ExpectedSet
from eager.sandbox.engines.containers import Engine
from eager.sandbox.runner import (
    SetResult,
    expected_sets,
    run_reference,
    run_set,
    sanitize,
    send_task,
)
from eager.sandbox.selection import select_engine
from eager.sandbox.session import Session, harness_version
from eager.sandbox.settings import VERDICT_LIMITS, SandboxSettings
from eager.sandbox.store import Store
from eager.sandbox.tasks import SET_NAMES, CodeTask, CodeVerdict, SetName, Submission, load_evalplus
from eager.util.errors import EagerError

__all__ = [
    "CodeTask", "CodeVerdict", "SandboxSettings", "Submission", "evaluate", "load_evalplus",
]  # fmt: skip

# Solutions of one task that a container gets in a row.
BATCH = 16
# A text that says one line more often than this is a loop, not an answer.
MAX_REPEATED_LINE = 60
_EVALUATION_MODULES = ("checker.py", "runner.py", "evalplus_rules.py")

Job = TypeVar("Job")


@cache
def evaluation_version() -> str:
    """A hash of all code that a verdict depends on, inside and outside the container."""
    digest = hashlib.sha256(harness_version().encode())
    for name in _EVALUATION_MODULES:
        digest.update(resources.files("eager.sandbox").joinpath(name).read_bytes())
    return digest.hexdigest()[:16]


def evaluate(
    tasks: Sequence[CodeTask],
    submissions: Sequence[Submission],
    settings: SandboxSettings,
    cache_dir: Path,
) -> list[CodeVerdict]:
    """Evaluate every submission, in a sandbox, and return verdicts in the order of the submissions.

    Results are stored in `cache_dir` as they come; what is there is not run again, nor is the same
    program for the same task.

    Raises:
        EagerError: a submission for an unknown task, no engine works, no room for results.
    """
    by_id = {task.task_id: task for task in tasks}
    for submission in submissions:
        if submission.task_id not in by_id:
            raise EagerError(
                f"submission {submission.sample_id}: the data set has no task {submission.task_id};"
                " correct its task_id or name another data set"
            )
    return Evaluation(by_id, settings, Store(cache_dir)).judge(submissions)


class Evaluation:
    """One evaluation: which programs, which are answered by stored results, and the rest."""

    def __init__(
        self,
        tasks: dict[str, CodeTask],
        settings: SandboxSettings,
        store: Store,
        engine: Engine | None = None,
    ) -> None:
        """`engine`: one that works already; otherwise it is chosen when the first run needs it."""
        self.tasks = tasks
        self.settings = settings
        self.store = store
        self._engine = engine

    def judge(self, submissions: Sequence[Submission]) -> list[CodeVerdict]:
        """Verdicts in the order of the submissions.

        Raises:
            EagerError: no engine works, no room for results.
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
        results = {key: self.store.get("verdicts", key) for key in wanted}
        missing = [key for key, result in results.items() if result is None]
        results |= self.run_missing({key: wanted[key] for key in missing})
        return [
            _verdict(submission, *program, results[key] if key is not None else None)
            for submission, program, key in zip(submissions, programs, keys, strict=True)
        ]

    def verdict_key(self, task: CodeTask, program: str) -> str:
        limits = self.settings.model_dump(include=VERDICT_LIMITS)
        return _key("verdict", task.fingerprint, program, limits, evaluation_version())

    def find_programs(self, submissions: Sequence[Submission]) -> list[tuple[str | None, str]]:
        """The program of each submission, or None and why there is none."""
        texts: dict[str, tuple[str, str]] = {}
        programs: list[tuple[str | None, str]] = []
        for submission in submissions:
            task = self.tasks[submission.task_id]
            if submission.text is not None:
                reason = why_no_answer(submission.text)
                programs.append((None, reason))
                if not reason:
                    texts[self.text_key(submission)] = (task.entry_point, submission.text)
            elif submission.completion is not None:
                programs.append((task.prompt + submission.completion, ""))
            else:
                programs.append((submission.solution, ""))
        found = {key: self.store.get("sanitized", key) for key in texts}
        missing = {key: texts[key] for key, value in found.items() if value is None}

        def sanitize_one(session: Session, key: str) -> None:
            code, reason = sanitize(session, *missing[key], self.settings)
            found[key] = {"code": code, "reason": reason}
            self.store.put("sanitized", key, found[key] or {})

        self.in_parallel(list(missing), sanitize_one, sanitizer=True)
        for index, submission in enumerate(submissions):
            if submission.text is not None and not programs[index][1]:
                answer = found[self.text_key(submission)] or {}
                code = answer["code"]
                reason = answer["reason"] or ("" if code.strip() else "no code in the text")
                programs[index] = (None if reason else code, reason)
        return programs

    def text_key(self, submission: Submission) -> str:
        entry_point = self.tasks[submission.task_id].entry_point
        return _key("sanitized", entry_point, submission.text, harness_version())

    def run_missing(self, wanted: dict[str, tuple[str, str]]) -> dict[str, dict[str, Any]]:
        """Run what no stored verdict answers, storing each as it comes."""
        by_task: dict[str, list[str]] = {}
        for key, (task_id, _) in wanted.items():
            by_task.setdefault(task_id, []).append(key)
        self.make_references(list(by_task))
        results: dict[str, dict[str, Any]] = {}

        def run_batch(session: Session, batch: tuple[str, list[str]]) -> None:
            task_id, keys = batch
            task = self.tasks[task_id]
            expected = self.expected(task)
            send_task(session, task)
            for key in keys:
                outcome: dict[str, Any] = {
                    name: vars(run_set(session, expected[name], wanted[key][1]))
                    for name in SET_NAMES
                }
                self.store.put("verdicts", key, outcome)
                results[key] = outcome

        batches = [
            (task_id, keys[start : start + BATCH])
            for task_id, keys in by_task.items()
            for start in range(0, len(keys), BATCH)
        ]
        self.in_parallel(batches, run_batch)
        return results

    def make_references(self, task_ids: list[str]) -> None:
        """Run the reference solutions whose outputs and times are not stored yet.

        They run in containers of their own, which end before the first solution starts.
        """

        def run_one(session: Session, task_id: str) -> None:
            task = self.tasks[task_id]
            self.store.put("references", self.reference_key(task), run_reference(session, task))

        self.in_parallel(
            [
                task_id
                for task_id in task_ids
                if not self.store.has("references", self.reference_key(self.tasks[task_id]))
            ],
            run_one,
        )

    def reference_key(self, task: CodeTask) -> str:
        return _key("reference", task.fingerprint, evaluation_version())

    def expected(self, task: CodeTask) -> dict[SetName, ExpectedSet]:
        reference = self.store.get("references", self.reference_key(task))
        if reference is None:
            raise EagerError(
                f"task {task.task_id}: its stored reference outputs have vanished or are damaged; "
                "rerun to make them again, and keep other programs out of the cache folder"
            )
        return expected_sets(task, reference, self.settings)

    def in_parallel(
        self, jobs: Iterable[Job], work: Callable[[Session, Job], None], sanitizer: bool = False
    ) -> None:
        """Do all jobs, each worker thread with a container of its own.

        Raises:
            BaseException: the first error of a job, or an interruption, once it has ended every
                container.
        """
        pending: queue.SimpleQueue[Job] = queue.SimpleQueue()
        for job in jobs:
            pending.put(job)
        if pending.empty():
            return
        if self._engine is None:
            self._engine = select_engine(self.settings)
        count = min(self.settings.worker_count(), pending.qsize())
        sessions = [Session(self._engine, slot, sanitizer) for slot in range(count)]
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


def why_no_answer(text: str) -> str:
    """Why a model's text is not worth sanitizing; empty if it is."""
    if not text.strip():
        return "the text is empty"
    _, count = Counter(filter(None, map(str.strip, text.split("\n")))).most_common(1)[0]
    if count > MAX_REPEATED_LINE:
        return f"one line occurs {count} times"
    return ""


def _key(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _verdict(
    submission: Submission,
    program: str | None,
    reason: str,
    outcome: dict[str, Any] | None,
) -> CodeVerdict:
    identity: dict[str, Any] = {
        "task_id": submission.task_id,
        "sample_id": submission.sample_id,
    }
    if program is None or outcome is None:
        return CodeVerdict(
            **identity, base=False, plus=False, correct=False, status="no_answer", detail=reason
        )
    sets: dict[SetName, SetResult] = {name: SetResult(**outcome[name]) for name in SET_NAMES}
    base, plus = sets["base"], sets["plus"]
    blamed = plus if base.passed else base
    return CodeVerdict(
        **identity,
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
