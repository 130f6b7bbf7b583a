"""Hostile programs get their right verdict and affect nothing else."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from eager.sandbox.cache import Cache
from eager.sandbox.engines.bubblewrap import BubblewrapEngine
from eager.sandbox.engines.containers import SandboxEngine
from eager.sandbox.evaluate import Evaluation
from eager.sandbox.session import FIRST_UID
from eager.sandbox.tasks import CodeTask, CodeVerdict, Submission, load_evalplus
from tests.support.docker import run
from tests.support.repository import ROOT
from tests.support.sandbox import shared_data

ATTACKS = ROOT / "tests/sandbox/attacks"
HALVES = CodeTask(
    task_id="floats/0", prompt="", entry_point="halves", plus_inputs=(),
    canonical_solution="def halves(numbers): return [number / 2 for number in numbers]",
    base_inputs=([[1.0, 2.0]], [[3.0, 5.0, 7.0]]),
)  # fmt: skip


@dataclass(frozen=True)
class Attack:
    """A program that is only ever read here, with what its header says."""

    name: str
    task_id: str
    base: bool
    correct: bool
    program: str


def read_attacks(folder: Path) -> list[Attack]:
    """Programs with a header: task, right verdict, and the base verdict where it differs."""
    attacks = []
    for path in sorted(folder.glob("*.py")):
        program = path.read_text()
        header = dict(re.findall(r"^# (task|right|base): (\S+)$", program, re.MULTILINE))
        right = header["right"]
        attacks.append(
            Attack(
                name=path.name,
                task_id=header["task"],
                base=header.get("base", right) == "pass",
                correct=right == "pass",
                program=program,
            )
        )
    return attacks


def judge(engine: SandboxEngine, tasks: list[CodeTask], attacks: list[Attack], cache: Path) -> None:
    """Evaluate attacks between neighbours and compare every verdict with the right one."""
    neighbours = [attack.task_id for attack in attacks]
    by_id = {task.task_id: task for task in tasks}
    submissions = []
    for number, attack in enumerate(attacks):
        # A comment makes each neighbour a program of its own, so that none is answered by another.
        right = f"{by_id[neighbours[number]].reference}\n# neighbour {number}\n"
        submissions += [
            Submission(task_id=attack.task_id, sample_id=attack.name, solution=attack.program),
            Submission(task_id=attack.task_id, sample_id=f"after {attack.name}", solution=right),
        ]
    evaluation = Evaluation(by_id, engine.settings, Cache(cache), engine)
    verdicts = {str(verdict.sample_id): verdict for verdict in evaluation.judge(submissions)}
    wrong = []
    for attack in attacks:
        verdict = verdicts[attack.name]
        if (verdict.base, verdict.correct) != (attack.base, attack.correct):
            wrong.append(verdict)
        neighbour = verdicts[f"after {attack.name}"]
        if not neighbour.correct:
            wrong.append(neighbour)
    assert [_short(verdict) for verdict in wrong] == []


def _short(verdict: CodeVerdict) -> str:
    return f"{verdict.sample_id}: {verdict.base} {verdict.plus} {verdict.status} {verdict.detail}"


def _listening() -> set[str]:
    """Ports opened by users that only solutions have; other programs open and close theirs."""
    return {
        line.split()[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6", "/proc/net/udp")
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[3] in ("0A", "07") and int(line.split()[7]) >= FIRST_UID
    }


def _sandbox_processes() -> list[str]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if "reads the modules to run from standard input" in command:
                found.append(command[:100])
    return found


def _containers(engine: SandboxEngine) -> str:
    if isinstance(engine, BubblewrapEngine):
        return ""
    return run(engine.name, "ps", "--all", "--quiet", "--filter=name=eager-sandbox-").stdout


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
    while (_sandbox_processes() or _containers(engine)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert _sandbox_processes() == []
    assert _containers(engine) == ""


@pytest.mark.usefixtures("untouched_host")
def test_our_attacks(engine: SandboxEngine, minicode: list[CodeTask], tmp_path: Path) -> None:
    """At least fifteen directions of attack, and controls that must pass."""
    attacks = read_attacks(ATTACKS)
    assert sum(not attack.correct for attack in attacks) >= 15
    judge(engine, [*minicode, HALVES], attacks, tmp_path / "cache")


@pytest.mark.usefixtures("untouched_host")
def test_shared_attacks(engine: SandboxEngine, tmp_path: Path) -> None:
    """The programs that were tried against evalplus itself."""
    folder = shared_data()
    tasks = load_evalplus(folder / "HumanEvalPlus.jsonl.gz")
    judge(engine, tasks, read_attacks(folder / "attacks"), tmp_path / "cache")
