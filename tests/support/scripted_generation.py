"""A generation job around a scripted engine, to be killed, stopped or left without disk space."""

from __future__ import annotations

import os
import sys
import time
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import pyarrow as pa

import eager.generation.provenance
import eager.generation.shard_job
from eager.config.experiment import PlannedTarget
from eager.config.settings import DecodingSettings, EngineOptions
from eager.data.models import write_manifest
from eager.data.prompts import Vocabulary
from eager.data.tasks import Task
from eager.generation.engine import EngineOutput, EngineRequest
from eager.generation.gather import gather
from eager.generation.progress import Progress
from eager.generation.shard_job import done_file, generate
from eager.generation.shards import Shard
from eager.generation.work import read_work
from eager.util.errors import EagerError
from eager.util.files import places_told
from eager.util.tables import write_table
from tests.support.letters import LETTERS
from tests.support.oracle import random_script
from tests.support.scripted_engine import ScriptedEngine

PROMPTS = 16
TOP = 8
END = 0
SETTINGS = DecodingSettings(
    method="eager_init",
    max_sequences=6,
    entropy_threshold=1.2,
    top_k_entropy=TOP,
    temperature=1.0,
    max_tokens=60,
    seed=55,
    snapshot_steps=10,
)


class ScriptedVllm(ScriptedEngine):
    """Every prompt has its own script; a diary records which prompts and seeds came."""

    diary: Path
    seconds_a_step: float

    def __init__(self, *_: Any) -> None:
        super().__init__(random_script(0, TOP, END, (), ties=False), frozenset({END}), TOP)
        self.texts = LETTERS
        self._scripts = [random_script(n, TOP, END, (), ties=False) for n in range(PROMPTS)]

    def submit(self, request: EngineRequest) -> None:
        super().submit(request)
        with self.diary.open("a") as stream:
            stream.write(f"{os.getpid()} {request.token_ids[0]} {request.seed}\n")

    def step(self) -> list[EngineOutput]:
        time.sleep(self.seconds_a_step)
        while hold_path(self.diary).exists():
            time.sleep(0.05)
        return super().step()

    def _advance(self, request_id: str) -> EngineOutput:
        self._script = self._scripts[self.requests[request_id].prompt]
        return super()._advance(request_id)


def hold_path(diary: Path) -> Path:
    """A file that keeps the engine from stepping while it is there."""
    return diary.with_suffix(".hold")


def make_target(
    folder: Path, settings: DecodingSettings = SETTINGS, prompts: int = PROMPTS
) -> PlannedTarget:
    """A target with prompts of one token each, which is their number, and a manifest of no model.

    Its result goes to `result` in the folder.
    """
    target = PlannedTarget(
        cell={"model": "m", "dataset": "d"},
        method=settings.method,
        folder="result",
        metrics="result/metrics.json",
        prompts="prompts.parquet",
        tasks="tasks.jsonl",
        model_manifest="manifest.json",
        settings=settings,
        kind="math",
    ).under(folder)
    (folder / "files").mkdir()
    (folder / "files/config.json").write_text('{"dtype": "float32"}')
    facts = {"model": "m", "source": "s", "revision": "r"}
    write_manifest(Path(target.model_manifest), folder / "files", facts)
    vocabulary = Vocabulary(end_of_sequence=(END,), context_length=100)
    table = pa.table(
        {
            "prompt_id": [f"p{number}" for number in range(prompts)],
            "text": [f"Problem {number}" for number in range(prompts)],
            "token_ids": [[number] for number in range(prompts)],
        }
    )
    tasks = [Task(id=f"p{n}", problem=f"{n}", target="1", kind="math") for n in range(prompts)]
    lines = "".join(task.model_dump_json() + "\n" for task in tasks)
    Path(target.tasks).write_text(lines)
    marks = {"vocabulary": vocabulary.model_dump_json()}
    write_table(Path(target.prompts), table, "prompts", marks)
    return target


def store_of(target: PlannedTarget) -> Path:
    """The store that a target's jobs use."""
    return Path(target.folder).with_name("store")


def run_step(
    target: PlannedTarget, step: str, shards: int, diary: Path, seconds_a_step: float
) -> None:
    """One job as the workflow would run it; ends the process as the command line would."""
    ScriptedVllm.diary = diary
    ScriptedVllm.seconds_a_step = seconds_a_step
    eager.generation.shard_job.VllmEngine = ScriptedVllm
    eager.generation.provenance._gpus = list  # type: ignore[assignment]  # spares every job an import of torch
    log = diary.with_suffix(".log").open("a", buffering=1)
    with redirect_stderr(log):
        try:
            with places_told():
                if step == "gather":
                    names = [Shard(number, shards) for number in range(1, shards + 1)]
                    done = [done_file(target, shard) for shard in names]
                    gather(target, read_work(target), done, store_of(target))
                    for path in done:
                        path.unlink()
                else:
                    shard = Shard(int(step), shards)
                    options = EngineOptions()
                    generate(
                        *(target, read_work(target), options, shard),
                        lambda total: Progress(str(shard), total, sys.stderr),
                        store_of(target),
                    )
        except EagerError as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(error.exit_code)
