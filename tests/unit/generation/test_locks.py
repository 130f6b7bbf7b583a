"""Locks of shards: the living are respected, the dead are not, here and elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from eager.generation import locks
from eager.generation.locks import hold_shard
from eager.generation.shards import Shard
from eager.util.errors import EagerError

FIRST, SECOND, HALF = Shard(1, 2), Shard(2, 2), Shard(1, 4)


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds shard 1-of-2."""
    program = (
        "import sys, time; from pathlib import Path\n"
        "from eager.generation.locks import hold_shard\n"
        "from eager.generation.shards import Shard\n"
        "with hold_shard(Path(sys.argv[1]), Shard(1, 2)): print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_a_living_job_is_respected_and_named(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    for shard in (FIRST, HALF):
        with (
            pytest.raises(EagerError, match=rf"1-of-2.lock: process {holder.pid} on .* since 20"),
            hold_shard(tmp_path, shard),
        ):
            pass
    with hold_shard(tmp_path, SECOND):
        assert (tmp_path / "2-of-2.lock").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["1-of-2.lock"]


@pytest.mark.parametrize("reaped", [True, False])
def test_a_killed_job_is_noticed_at_once(
    tmp_path: Path, holder: subprocess.Popen[str], reaped: bool
) -> None:
    holder.kill()
    if reaped:
        holder.wait()
    else:
        os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)
    start = time.monotonic()
    with hold_shard(tmp_path, FIRST), hold_shard(tmp_path, SECOND):
        held = json.loads((tmp_path / "1-of-2.lock").read_text())
        assert held["pid"] == os.getpid()
    assert time.monotonic() - start < locks.STALE_SECONDS
    assert list(tmp_path.iterdir()) == []


def test_a_recycled_process_id_is_no_holder(tmp_path: Path) -> None:
    us = locks._ourselves()
    assert us.started is not None
    lock = tmp_path / "1-of-2.lock"
    lock.write_text(json.dumps(asdict(replace(us, started=us.started - 1))))
    with hold_shard(tmp_path, FIRST):
        pass
    lock.write_text(json.dumps(asdict(us)))
    with pytest.raises(EagerError, match="is generating this shard"), hold_shard(tmp_path, FIRST):
        pass


@pytest.mark.parametrize("content", ["elsewhere", "unreadable"])
def test_a_job_elsewhere_lives_as_long_as_its_file_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.setattr(locks, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(locks, "STALE_SECONDS", 0.6)
    lock = tmp_path / "1-of-2.lock"
    elsewhere = replace(locks._ourselves(), host="another")
    lock.write_text(json.dumps(asdict(elsewhere)) if content == "elsewhere" else "")
    ended = threading.Event()
    heart = threading.Thread(target=locks._beat, args=(lock, ended))
    heart.start()
    with pytest.raises(EagerError, match="is generating this shard"), hold_shard(tmp_path, FIRST):
        pass
    ended.set()
    heart.join()
    with hold_shard(tmp_path, FIRST):
        held = json.loads(lock.read_text())
        assert held["pid"] == os.getpid()
        # The holder's own heart beats.
        before = lock.stat().st_mtime_ns
        time.sleep(0.5)
        assert lock.stat().st_mtime_ns > before
    assert list(tmp_path.iterdir()) == []
