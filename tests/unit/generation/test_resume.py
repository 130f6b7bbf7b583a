"""Faults in processes around a scripted engine: nothing is lost, nothing is generated twice."""

from __future__ import annotations

import io
import multiprocessing
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from eager.config.experiment import PlannedTarget
from eager.config.settings import EngineOptions
from eager.generation import shard_job
from eager.generation.progress import Progress
from eager.generation.provenance import engine_software
from eager.generation.shards import Shard
from eager.generation.store import Store
from eager.generation.work import read_work
from eager.util.errors import EagerError
from tests.support.scripted_generation import (
    PROMPTS,
    ScriptedVllm,
    hold_path,
    make_target,
    run_step,
    store_of,
)

KILLS = 12
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.support.scripted_generation"])


@dataclass
class Job:
    """A generation in a folder of its own."""

    target: PlannedTarget
    shards: int = 1
    seconds_a_step: float = 0.01

    @property
    def diary(self) -> Path:
        return Path(self.target.prompts).with_name("diary.txt")

    @property
    def log(self) -> str:
        log = self.diary.with_suffix(".log")
        return log.read_text() if log.exists() else ""

    def kept(self) -> dict[Path, int]:
        """Entries of the store, with their times."""
        files = store_of(self.target).glob("*/??/*.zip")
        return {path: path.stat().st_mtime_ns for path in files}

    def start(self, step: str) -> ForkServerProcess:
        arguments = (self.target, step, self.shards, self.diary, self.seconds_a_step)
        process = CONTEXT.Process(target=run_step, args=arguments)
        process.start()
        return process

    def run(self, step: str) -> int | None:
        process = self.start(step)
        process.join(60)
        return process.exitcode

    def steps(self) -> list[str]:
        return [*map(str, range(1, self.shards + 1)), "gather"]

    def finish(self) -> tuple[bytes, bytes]:
        """Run all steps; the bytes of the tables."""
        for step in self.steps():
            assert self.run(step) == 0, self.log
        return self.tables()

    def tables(self) -> tuple[bytes, bytes]:
        files = {path.name: path.read_bytes() for path in Path(self.target.folder).iterdir()}
        assert files.keys() == {"sequences.parquet", "branches.parquet", "run.json"}
        return files["sequences.parquet"], files["branches.parquet"]

    def is_loading(self, process: ForkServerProcess) -> bool:
        return not any(pid == process.pid for pid, _, _ in self.submissions())

    def submissions(self) -> list[tuple[int, int, int]]:
        """Process, prompt and seed of every request, in order."""
        lines = self.diary.read_text().splitlines() if self.diary.exists() else []
        return [tuple(map(int, line.split())) for line in lines]  # type: ignore[misc]


@pytest.fixture
def new_job(tmp_path: Path) -> Iterator[Callable[..., Job]]:
    def make(name: str, **options: float) -> Job:
        (tmp_path / name).mkdir()
        return Job(make_target(tmp_path / name), **options)  # type: ignore[arg-type]

    return make


def wait_while(condition: Callable[[], bool], process: ForkServerProcess) -> None:
    deadline = time.monotonic() + 60
    while condition() and process.is_alive():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_weights_that_are_not_the_manifests_generate_nothing(
    when: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = make_target(tmp_path)

    def replace_weights(*_: object) -> ScriptedVllm:
        (tmp_path / "files/model.safetensors").write_text("others")
        return ScriptedVllm()

    monkeypatch.setattr(shard_job, "VllmEngine", replace_weights)
    if when == "before":
        replace_weights()
        monkeypatch.setattr(shard_job, "VllmEngine", None)
    with pytest.raises(EagerError, match=r"model\.safetensors: not what .*manifest\.json was made"):
        shard_job.generate(
            *(target, read_work(target), EngineOptions(), Shard(1, 1)),
            lambda total: Progress("", total, io.StringIO()),
            store_of(target),
        )
    assert not list(store_of(target).rglob("*.zip"))


def test_killed_at_random_moments(new_job: Callable[..., Job]) -> None:
    undisturbed = new_job("undisturbed", seconds_a_step=0.0)
    expected = undisturbed.finish()
    chance = random.Random(20)
    kills = stored = made_again = rounds = 0
    while kills < KILLS:
        rounds += 1
        job = new_job(f"killed-{rounds}", shards=2, seconds_a_step=0.02)
        for step in job.steps():
            while True:
                before = job.kept()
                process = job.start(step)
                if kills < KILLS:
                    if step != "gather" and chance.random() < 0.8:
                        wait_while(partial(job.is_loading, process), process)
                    process.join(chance.uniform(0.0, 0.3))
                    kills += process.is_alive()
                    process.kill()
                process.join(60)
                # What is kept is never written again, killed or not.
                after = job.kept()
                assert before.items() <= after.items()
                stored += len(after.keys() - before.keys())
                if process.exitcode == 0:
                    break
                assert process.exitcode == -signal.SIGKILL, job.log
        assert job.tables() == expected
        starts = {(pid, prompt) for pid, prompt, _ in job.submissions()}
        assert {prompt for _, prompt in starts} == set(range(PROMPTS))
        made_again += len(starts) - PROMPTS
    assert stored == rounds * PROMPTS
    print(
        f"\n{kills} kills in {rounds} generations of {PROMPTS} prompts: {stored} prompts kept, "
        f"each once; {made_again} starts of prompts that a kill had left unfinished"
    )


def test_shards_change_neither_seeds_nor_bytes(new_job: Callable[..., Job]) -> None:
    whole = new_job("whole", seconds_a_step=0.0)
    expected = whole.finish()
    ids = pq.read_table(whole.target.file("sequences.parquet")).column("prompt_id").to_pylist()
    assert list(dict.fromkeys(ids)) == [f"p{number}" for number in range(PROMPTS)]
    for shards in (2, PROMPTS + 1):
        job = new_job(f"{shards}-shards", shards=shards, seconds_a_step=0.0)
        assert job.finish() == expected
        assert {s[1:] for s in job.submissions()} == {s[1:] for s in whole.submissions()}


def test_another_number_of_shards_finds_what_is_finished(new_job: Callable[..., Job]) -> None:
    job = new_job("job", shards=2, seconds_a_step=0.0)
    assert job.run("1") == 0
    before = job.kept()
    assert len(before) == PROMPTS // 2
    job.target.file("shard-1-of-2.json").unlink()
    job.shards = 4
    for step in "1234":
        assert job.run(step) == 0
    assert before.items() <= job.kept().items()
    starts = [prompt for _, prompt in {s[:2] for s in job.submissions()}]
    assert sorted(starts) == list(range(PROMPTS))
    assert job.run("gather") == 0
    assert job.tables() == new_job("other", seconds_a_step=0.0).finish()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_warning_ends_the_job_with_its_own_code(
    new_job: Callable[..., Job], number: signal.Signals
) -> None:
    job = new_job("job")
    process = job.start("1")
    wait_while(lambda: len(job.kept()) <= 3, process)
    assert process.pid is not None
    os.kill(process.pid, number)
    process.join(20)
    assert process.exitcode == 75
    assert f"error: stopped by {number.name}: finished prompts are kept" in job.log
    before = job.kept()
    assert 3 < len(before) < PROMPTS
    job.seconds_a_step = 0.0
    assert job.run("1") == 0
    assert before.items() <= job.kept().items()
    assert "16 prompts, " in job.log


def test_a_damaged_file_is_said_and_made_again(new_job: Callable[..., Job]) -> None:
    job = new_job("job", seconds_a_step=0.0)
    assert job.run("1") == 0
    victim, other, *_ = job.kept()
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    # Found by the job that gathers: it says so, and the shard's job is due again.
    assert job.run("gather") == 1
    assert f"{victim}: damaged" in job.log
    assert "1 of 16 prompts are not there" in job.log
    assert not list(Path(job.target.folder).glob("shard-*.json"))
    other.write_bytes(b"")
    started = len({s[:2] for s in job.submissions()})
    expected = new_job("other", seconds_a_step=0.0).finish()
    assert job.finish() == expected
    assert f"{other}: damaged, the checksum is not that of the content; generated again" in job.log
    assert len({s[:2] for s in job.submissions()}) == started + 2


def test_two_jobs_on_one_shard(new_job: Callable[..., Job]) -> None:
    job = new_job("job", seconds_a_step=0.0)
    hold_path(job.diary).touch()
    process = job.start("1")
    wait_while(lambda: job.is_loading(process), process)
    assert job.run("1") == 1
    hold_path(job.diary).unlink()
    assert "another job is generating these prompts" in job.log
    process.join(60)
    assert process.exitcode == 0
    assert len({s[:2] for s in job.submissions()}) == PROMPTS


def test_shards_without_prompts_do_not_keep_each_other_off(new_job: Callable[..., Job]) -> None:
    job = new_job("job", shards=PROMPTS + 2, seconds_a_step=0.0)
    with Store(store_of(job.target) / engine_software(), print).hold([]):
        assert job.run(str(PROMPTS + 2)) == 0, job.log


def test_a_full_disk_is_reported_and_costs_nothing(
    new_job: Callable[..., Job], small_disk: Path
) -> None:
    job = new_job("job", seconds_a_step=0.0)
    job.target = job.target.model_copy(update={"folder": str(small_disk / "result")})
    assert job.run("1") == 1
    assert "no space left; free some space and run it again. What is finished is kept" in job.log
    assert "Traceback" not in job.log
    before = job.kept()
    assert 0 < len(before) < PROMPTS
    print(f"\nfull after {len(before)} of {PROMPTS} prompts")
    subprocess.run(["mount", "-o", "remount,size=10m", str(small_disk)], check=True)
    assert job.run("1") == 0
    assert before.items() <= job.kept().items()
    # Full again while the result is written.
    ballast = small_disk / "ballast"
    with pytest.raises(OSError, match="No space left"):
        ballast.write_bytes(bytes(20_000_000))
    assert job.run("gather") == 1
    assert "no space left; free some space" in job.log
    ballast.unlink()
    assert job.run("gather") == 0
    assert job.tables() == new_job("other", seconds_a_step=0.0).finish()
