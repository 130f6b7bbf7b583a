"""Jobs of one machine never share a GPU, wait for each other, and free devices when killed."""

from __future__ import annotations

import json
import multiprocessing
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eager.containers.gpus import lease, release, visible_devices
from eager.util.errors import EagerError

SPAWN = multiprocessing.get_context("fork")


def job(devices: list[str], count: int, folder: Path, diary: Path) -> None:
    held = lease(devices, count, folder, pause_seconds=0.002)
    with diary.open("a") as file:
        file.write(json.dumps(["take", list(held)]) + "\n")
    time.sleep(0.005)
    with diary.open("a") as file:
        file.write(json.dumps(["free", list(held)]) + "\n")
    release(held)


@settings(
    max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
@given(data=st.data(), number=st.integers(1, 4))
def test_no_device_is_held_twice_and_all_jobs_end(
    tmp_path: Path, data: st.DataObject, number: int
) -> None:
    counts = data.draw(st.lists(st.integers(1, number), min_size=2, max_size=6))
    diary = tmp_path / "diary"
    diary.write_text("")
    devices = [f"GPU-{i}" for i in range(number)]
    jobs = [
        SPAWN.Process(target=job, args=(devices, count, tmp_path / "locks", diary))
        for count in counts
    ]
    for process in jobs:
        process.start()
    for process in jobs:
        process.join(60)
        assert process.exitcode == 0
    held: set[str] = set()
    for line in diary.read_text().splitlines():
        event, names = json.loads(line)
        if event == "take":
            assert not held & set(names)
            held |= set(names)
        else:
            held -= set(names)
    assert held == set()


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A program that was started with a lease: the launcher turned into it."""
    script = (
        "import os, sys; from pathlib import Path; from eager.containers.gpus import lease;"
        f"lease(['GPU-0'], 1, Path({str(tmp_path)!r}));"
        "os.execvp('sh', ['sh', '-c', 'echo held; exec sleep 600'])"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


class WaitingError(Exception):
    pass


def give_up() -> None:
    raise WaitingError


def test_a_lease_outlives_exec_and_not_the_program(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    with pytest.raises(WaitingError):
        lease(["GPU-0"], 1, tmp_path, give_up)
    assert list(lease(["GPU-0", "GPU-1"], 1, tmp_path, give_up)) == ["GPU-1"]
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert list(lease(["GPU-0"], 1, tmp_path, give_up)) == ["GPU-0"]


def test_a_job_that_waits_holds_nothing(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    with pytest.raises(WaitingError):
        lease(["GPU-0", "GPU-1"], 2, tmp_path, give_up)
    assert list(lease(["GPU-1"], 1, tmp_path, give_up)) == ["GPU-1"]


def test_more_than_there_are_is_reported(tmp_path: Path) -> None:
    with pytest.raises(EagerError, match="needs 3 GPUs and may use 2"):
        lease(["0", "1"], 3, tmp_path)


def test_devices_are_named_by_their_uuids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho '0, GPU-aa'\necho '1, GPU-bb'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert visible_devices({}) == ["GPU-aa", "GPU-bb"]
    assert visible_devices({"CUDA_VISIBLE_DEVICES": "1"}) == ["GPU-bb"]
    assert visible_devices({"CUDA_VISIBLE_DEVICES": "GPU-aa,MIG-x"}) == ["GPU-aa", "MIG-x"]
    with pytest.raises(EagerError, match="CUDA_VISIBLE_DEVICES is empty"):
        visible_devices({"CUDA_VISIBLE_DEVICES": ""})
    program.unlink()
    assert visible_devices({"CUDA_VISIBLE_DEVICES": "0,1"}) == ["0", "1"]
    with pytest.raises(EagerError, match="no GPU is found"):
        visible_devices({})


def test_bare_jobs_get_devices_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-aa,GPU-bb,GPU-cc")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("EAGER_CONTAINER_RUNTIME", "none")
    command = [sys.executable, "-m", "eager", "launch", "--image", "generate", "--gpus"]
    show = 'echo "$CUDA_VISIBLE_DEVICES"; read line'
    jobs = [
        subprocess.Popen(
            [*command, count, "--", "sh", "-c", show],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for count in ("1", "2")
    ]
    given = [line for job in jobs if job.stdout for line in job.stdout.readline().split()]
    assert sorted(len(names.split(",")) for names in given) == [1, 2]
    assert sorted(",".join(given).split(",")) == ["GPU-aa", "GPU-bb", "GPU-cc"]
    for job in jobs:
        job.communicate("\n", timeout=30)
        assert job.returncode == 0
