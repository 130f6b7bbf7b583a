"""Containers that die, and what is left when they end."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from eager.sandbox.cache import Cache
from eager.sandbox.engines.containers import FIRST_UID, LAST_UID, SandboxEngine
from eager.sandbox.engines.links import Link, LinkClosed
from eager.sandbox.evaluate import Evaluation
from eager.sandbox.guest import codec, protocol
from eager.sandbox.session import UIDS_PER_CONTAINER, RunRequest, Session, claim_users, find_gaps
from eager.sandbox.tasks import CodeTask, SetName, Submission
from eager.util.errors import EagerError

ONE_CALL: dict[SetName, list[tuple[float, bytes]]] = {"base": [(5.0, b"[]")]}
DEADLY = b"# takes its container with it"


class DyingLink(Link):
    """A container that ends during the run of a program with a certain comment."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._dying = False

    def send(self, data: bytes) -> None:
        self._dying = self._dying or DEADLY in data
        self._link.send(data)

    def receive(self, timeout: float) -> bytes:
        if self._dying:
            self._link.close()
            raise LinkClosed("the container has ended")
        return self._link.receive(timeout)

    def close(self) -> None:
        self._link.close()

    def complaints(self) -> str:
        return self._link.complaints()


class DyingEngine(SandboxEngine):
    """An engine whose containers can be made to die, and which counts its starts."""

    name = "dying"

    def __init__(self, engine: SandboxEngine) -> None:
        super().__init__(engine.settings)
        self._engine = engine
        self.separate_users = engine.separate_users
        self.starts = 0

    def check(self) -> None:
        self._engine.check()

    @property
    def identity(self) -> list[str]:
        return [self.name]

    def start(self, first_uid: int, sanitizer: bool) -> Link:
        self.starts += 1
        return DyingLink(self._engine.start(first_uid, sanitizer))


def test_a_solution_that_kills_its_container_twice_is_crashed(
    bubblewrap: SandboxEngine, minicode: list[CodeTask], tmp_path: Path
) -> None:
    """And only it: solutions before and after keep their verdicts and are not run again."""
    task = minicode[0]
    programs = {
        "before": task.reference,
        "deadly": task.reference + DEADLY.decode(),
        "after": task.reference + "# other",
    }
    submissions = [
        Submission(task_id=task.task_id, sample_id=name, solution=program)
        for name, program in programs.items()
    ]
    engine = DyingEngine(bubblewrap)
    verdicts = Evaluation({task.task_id: task}, engine.settings, Cache(tmp_path), engine).judge(
        submissions
    )
    assert [(one.status, one.correct) for one in verdicts] == [
        ("ok", True),
        ("crashed", False),
        ("ok", True),
    ]
    assert "its container died 2 times" in verdicts[1].detail
    # One container for the reference; beside others base and plus inputs of the deadly program get
    # two tries each, and again when it is alone, where a harmless program runs after each two.
    assert engine.starts == 11


def test_nothing_is_left_of_a_run(engine: SandboxEngine) -> None:
    """Files, closed folders and squatted names of one solution are gone for the next."""
    litter = (
        "import posix\n"
        "def f():\n"
        "    posix.mkdir('a'); posix.mkdir('a/b'); posix.chmod('a', 0)\n"
        "    posix.mkdir('/scratch/squatted')\n"
    )
    look = "import os\ndef f():\n    return os.listdir('/scratch'), os.listdir('.')\n"
    with Session(engine) as session:
        session.set_task(ONE_CALL)
        for _ in range(2):
            assert answer(session, litter) is None
            scratch, own = answer(session, look)
            assert len(scratch) == 1
            assert own == []


def test_a_user_for_every_run(engine: SandboxEngine) -> None:
    """Where the engine can, no two runs in a row have the same user, and none is root."""
    if not engine.separate_users:
        pytest.skip("this engine has one user")
    with Session(engine) as session:
        session.set_task(ONE_CALL)
        users = [
            answer(session, "import os\ndef f():\n    return os.getresuid()\n") for _ in range(3)
        ]
    assert len(set(users)) == 3
    assert all(len(set(user)) == 1 and user[0] >= 10_000 for user in users)


def answer(session: Session, program: str) -> Any:
    """The value that a program's f returns."""
    replies: list[bytes] = []

    def take(kind: bytes, payload: bytes) -> bool:
        assert kind == protocol.VALUE, payload
        replies.append(payload)
        return True

    session.run(RunRequest("f", program.encode(), total_seconds=10.0), take)
    return codec.decode(replies[0])


def test_no_two_containers_share_a_user(bubblewrap: SandboxEngine) -> None:
    """Claims of one process or of two; a claim that has ended is free again."""
    claims = [claim_users() for _ in range(50)]
    blocks = {first for first, _ in claims}
    assert len(blocks) == 50
    assert all(FIRST_UID <= first <= LAST_UID - UIDS_PER_CONTAINER for first in blocks)
    code = (
        "import socket, sys\n"
        "try: socket.socket(socket.AF_UNIX).bind(chr(0) + sys.argv[1])\n"
        "except OSError: print('taken')\n"
    )
    name = claims[0][1].getsockname()[1:].decode()
    for claimed in (True, False):
        found = subprocess.run(
            [sys.executable, "-c", code, name], capture_output=True, text=True, check=True
        )
        assert (found.stdout == "taken\n") is claimed
        for _, claim in claims:
            claim.close()


THREADS = """
import threading, time
def f():
    stop, started = threading.Event(), 0
    try:
        for _ in range(64):
            threading.Thread(target=stop.wait).start()
            started += 1
    except RuntimeError:
        pass
    time.sleep({seconds})
    stop.set()
    return started
"""


def test_one_evaluation_takes_no_threads_from_another(engine: SandboxEngine) -> None:
    """A program has as many threads beside one that has all of its own as it has alone."""
    with Session(engine) as hostile, Session(engine) as other:
        for session in (hostile, other):
            session.set_task(ONE_CALL)
            session.start()
        alone = answer(other, THREADS.format(seconds=0))
        holding = threading.Thread(target=answer, args=(hostile, THREADS.format(seconds=4)))
        holding.start()
        time.sleep(1)
        assert [answer(other, THREADS.format(seconds=0)) for _ in range(3)] == [alone] * 3
        assert alone > 16
        holding.join()


def test_the_hash_seed_is_the_same_in_every_container(engine: SandboxEngine) -> None:
    program = "def f():\n    return list({str(number) for number in range(50)})\n"
    orders = []
    for _ in range(2):
        with Session(engine) as session:
            session.set_task(ONE_CALL)
            orders.append(answer(session, program))
    assert orders[0] == orders[1]


def test_the_memory_of_a_run_does_not_reach_the_next(engine: SandboxEngine) -> None:
    """A secret in one program's source and answers is found by itself, and not by the next."""
    # The pattern has a hole, so that the searching program does not find its own source.
    search = (
        "import ctypes, io, os, re\n"
        "def f():\n"
        "    pattern, found = re.compile(rb'SECRET-([0-9]{6})-' + rb'END'), set()\n"
        "    libc = ctypes.CDLL(None)\n"
        "    reading, writing = os.pipe()\n"
        "    for line in io.open('/proc/self/maps'):\n"
        "        span, rights = line.split()[:2]\n"
        "        start, end = (int(part, 16) for part in span.split('-'))\n"
        "        for page in range(start, end if rights[1] == 'w' else start, 4096):\n"
        "            if libc.write(writing, ctypes.c_void_p(page), 4096) == 4096:\n"
        "                found.update(pattern.findall(os.read(reading, 4096)))\n"
        "    return sorted(found)\n"
    )
    with Session(engine) as session:
        session.set_task(ONE_CALL)
        own = "kept = ['SECRET-' + str(654321) + '-END' for _ in range(20000)]\n" + search
        assert answer(session, own) == [b"654321"]
        secret = "a = 'SECRET-123456-END'\ndef f():\n    return [a + str(i) for i in range(9999)]\n"
        assert len(str(answer(session, secret))) > 100_000
        assert answer(session, search) == []


@pytest.mark.parametrize(
    ("work", "reason"),
    [
        ("end = time.process_time() + 1.5\n    while time.process_time() < end: pass", "timeout"),
        ("time.sleep(3)", "backstop"),
    ],
)
def test_the_supervisor_keeps_the_time_of_every_call(
    engine: SandboxEngine, work: str, reason: str
) -> None:
    """A later call's longer limit does not extend that of an earlier one."""
    program = (
        f"import signal, time\ndef f():\n    signal.setitimer(signal.ITIMER_PROF, 0)\n    {work}\n"
    )
    with Session(engine) as session:
        request = RunRequest("f", program.encode(), total_seconds=20.0)
        session.set_task({"base": [(0.5, b"[]"), (5.0, b"[]")]})
        assert session.run(request, lambda *_: True).reason == reason
        session.set_task({"base": [(5.0, b"[]"), (5.0, b"[]")]})
        assert session.run(request, lambda *_: True).reason == "done"


def test_two_solutions_at_once_do_not_see_each_other(engine: SandboxEngine) -> None:
    """Each container has its own processes; the other's canary is out of sight."""
    look = "import os\ndef f():\n    return [n for n in os.listdir('/proc') if n.isdigit()]\n"
    with Session(engine, slot=0) as one, Session(engine, slot=1) as other:
        for session in (one, other):
            session.set_task(ONE_CALL)
            session.start()
        for session in (one, other):
            processes = answer(session, look)
            assert isinstance(processes, list)
            assert len(processes) == 2


def test_an_open_container_is_refused() -> None:
    closed = {
        "uid": 10_000,
        "outside_uid": 10_000,
        "kernel_settings": [],
        "hash_seed_fixed": True,
        "evalplus": False,
        "capabilities": 0,
        "no_new_privileges": True,
        "seccomp": True,
        "writable": [],
        "sockets": False,
        "processes": False,
        "interfaces": ["lo"],
    }
    assert find_gaps(closed, separate_users=True) == []
    for change in (
        {"interfaces": ["lo", "eth0"]},
        {"capabilities": 1},
        {"seccomp": False},
        {"sockets": True},
        {"processes": True},
        {"no_new_privileges": False},
        {"writable": ["/"]},
        {"uid": 0},
        {"outside_uid": 0},
        {"kernel_settings": ["/proc/sys/kernel/core_pattern"]},
        {"hash_seed_fixed": False},
        {"evalplus": True},
        {"error": "PermissionError"},
    ):
        assert len(find_gaps(closed | change, separate_users=True)) == 1


def test_an_engine_that_does_not_start_says_so(bubblewrap: SandboxEngine) -> None:
    class Broken(DyingEngine):
        name = "broken"

        def start(self, first_uid: int, sanitizer: bool) -> Link:
            from eager.sandbox.engines.links import PipeLink

            return PipeLink(["sh", "-c", "echo no such image >&2; exit 1"])

    with pytest.raises(EagerError, match=r"broken container did not start.*no such image"):
        Session(Broken(bubblewrap)).start()
