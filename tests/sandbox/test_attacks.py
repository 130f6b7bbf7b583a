"""Hostile programs get their right verdict and affect nothing else."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from eager.sandbox.engines.containers import SandboxEngine
from eager.sandbox.session import FIRST_UID
from eager.sandbox.tasks import CodeTask, Submission, load_evalplus
from tests.support.repository import ROOT
from tests.support.sandbox import Sandbox, left, shared_data

OWN = ROOT / "tests/sandbox/attacks"
HALVES = CodeTask(
    task_id="floats/0", prompt="", entry_point="halves", plus_inputs=(),
    canonical_solution="def halves(numbers): return [number / 2 for number in numbers]",
    base_inputs=([[1.0, 2.0]], [[3.0, 5.0, 7.0]]),
)  # fmt: skip
# What is equal to a short float's infinity and has its hash.
CODES = CodeTask(
    task_id="codes/0", prompt="", entry_point="codes", base_inputs=([1],), plus_inputs=([2], [7]),
    canonical_solution="def codes(n): return {314159, n}",
)  # fmt: skip
PAIRS = CodeTask(
    task_id="pairs/0", prompt="", entry_point="pairs", base_inputs=([1],), plus_inputs=([2], [7]),
    canonical_solution="def pairs(n): return {(314159, 'a'): n}",
)  # fmt: skip
# Each takes many seconds to be ended; another of its kind is tried every day.
LONG = re.compile(
    r"slow_import|cpu_in_threads|costly_values|stop_itself|early_loaded|half_reply|numpy_threads"
    r"|regex_bomb|tiny_objects|late_answer|busy_name|lower_limits|work_in_finalizer|longer_limit"
    r"|leader_exits|thread_bomb|epoll_nest|short_naps|one_spinner|unix_garbage|map_churn|torn_call|obliging|01_|04_|06_|09_|28_|34_|35_"
)


LONG_CALL = CodeTask(
    task_id="long/0",
    prompt="",
    entry_point="size",
    canonical_solution="def size(text): return len(text)",
    base_inputs=(["x" * 3_000_000], ["abc"]),  # the first is more than a pipe takes
    plus_inputs=(),
)


def judge(sandbox: Sandbox, folder: Path, everything: bool) -> None:
    """Compare every verdict with that of the program's header, and those of its neighbours."""
    attacks = {}
    for path in sorted(folder.glob("*.py")):
        if everything or not LONG.search(path.name):
            header = dict(re.findall(r"(?m)^# (task|right|base): (\S+)$", path.read_text()))
            attacks[path] = {"base": header["right"], **header}
    assert sum(header["right"] == "fail" for header in attacks.values()) >= 15
    references = {task.task_id: task.reference for task in sandbox.tasks}
    submissions = []
    for path, header in attacks.items():
        # A comment makes each neighbour a program of its own, so that none is answered by another.
        right = f"{references[header['task']]}\n# {path.name}\n"
        submissions += [
            Submission(task_id=header["task"], sample_id=path.name, solution=path.read_text()),
            Submission(task_id=header["task"], sample_id=f"after {path.name}", solution=right),
        ]
    verdicts = sandbox.evaluation().judge(submissions)
    expected = []
    for header in attacks.values():
        expected += [(header["base"] == "pass", header["right"] == "pass"), (True, True)]
    wrong = [
        f"{one.sample_id}: {one.base} {one.plus} {one.status} {one.detail}"
        for one, right in zip(verdicts, expected, strict=True)
        if (one.base, one.correct) != right
    ]
    assert wrong == []


def _listening() -> set[str]:
    """Ports opened by users that only solutions have; other programs open and close theirs."""
    return {
        line.split()[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6", "/proc/net/udp")
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[3] in ("0A", "07") and int(line.split()[7]) >= FIRST_UID
    }


def _free_bytes() -> tuple[int, int]:
    memory = re.search(r"MemAvailable:\s+(\d+)", Path("/proc/meminfo").read_text())
    assert memory is not None
    return shutil.disk_usage("/").free, int(memory[1]) * 1024


@pytest.fixture
def untouched_host(engine: SandboxEngine, tmp_path: Path) -> Iterator[None]:
    """Compares the host before and after; a generator fixture."""
    canaries = [tmp_path / "canary", Path("/tmp") / f"eager-canary-{os.getpid()}"]
    for canary in canaries:
        canary.write_text("sing")
        canary.chmod(0o666)
    before = _listening(), set(os.listdir("/tmp")), set(os.listdir("/dev/shm"))
    disk, memory = _free_bytes()
    yield
    assert [canary.read_text() for canary in canaries] == ["sing", "sing"]
    canaries[1].unlink()
    assert _listening() <= before[0]
    for place, names in (("/tmp", before[1]), ("/dev/shm", before[2])):
        new = {name for name in os.listdir(place) if "PWNED" in name or "x.bin" in name} - names
        assert new == set()
    # Wide bounds, because other programs run on this machine.
    disk_after, memory_after = _free_bytes()
    assert disk - disk_after < 8 << 30
    assert memory - memory_after < 8 << 30
    deadline = time.monotonic() + 20
    while left(engine) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert left(engine) == []


@pytest.mark.usefixtures("untouched_host")
@pytest.mark.parametrize("everything", [False, pytest.param(True, marks=pytest.mark.long)])
@pytest.mark.parametrize("whose", ["own", "shared"])
def test_attacks(engine: SandboxEngine, tmp_path: Path, whose: str, everything: bool) -> None:
    """Own programs, and those that were tried against evalplus itself; controls pass."""
    if not everything and engine.name != "bubblewrap":
        pytest.skip("all of them are tried with this engine")
    folder, data = OWN, ROOT / "config/data/minicode.jsonl"
    if whose == "shared":
        folder, data = shared_data() / "attacks", shared_data() / "HumanEvalPlus.jsonl.gz"
    tasks = [*load_evalplus(data), HALVES, LONG_CALL, CODES, PAIRS]
    judge(Sandbox(engine, tasks, tmp_path), folder, everything)
