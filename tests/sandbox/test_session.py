"""Containers: what one run leaves to the next, and what a container must not be able to do."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from eager.sandbox.engines.containers import FIRST_UID, LAST_UID, SandboxEngine
from eager.sandbox.engines.links import Link
from eager.sandbox.guest import codec, protocol
from eager.sandbox.guest.protocol import Run
from eager.sandbox.session import UIDS_PER_CONTAINER, Session, claim_users, find_gaps
from eager.util.errors import EagerError


def answer(session: Session, program: str) -> Any:
    """The value that a program's f returns."""
    session.set_task({"base": [(5.0, b"[]")]})
    _, ((kind, payload),) = session.collect(Run("f", total_seconds=10.0), program.encode())
    assert kind == protocol.VALUE, payload
    return codec.decode(payload)


def test_a_user_for_every_run(engine: SandboxEngine) -> None:
    """Where the engine can, no two runs in a row have the same user, and none is root."""
    if not engine.separate_users:
        pytest.skip("this engine has one user")
    with Session(engine) as session:
        users = [answer(session, "import os\ndef f(): return os.getresuid()") for _ in range(3)]
    assert len(set(users)) == 3
    assert all(len(set(user)) == 1 and user[0] >= 10_000 for user in users)


def test_no_two_containers_share_a_user() -> None:
    """Claims of one process or of two; a claim that has ended is free again."""
    claims = [claim_users() for _ in range(50)]
    blocks = {first for first, _ in claims}
    assert len(blocks) == 50
    assert all(FIRST_UID <= first <= LAST_UID - UIDS_PER_CONTAINER for first in blocks)
    code = "import socket, sys; socket.socket(socket.AF_UNIX).bind(chr(0) + sys.argv[1])"
    name = claims[0][1].getsockname()[1:].decode()
    for claimed in (True, False):
        other = subprocess.run([sys.executable, "-c", code, name], capture_output=True, check=False)
        assert (other.returncode != 0) is claimed
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
        alone = answer(other, THREADS.format(seconds=0))
        hostile.start()
        holding = threading.Thread(target=answer, args=(hostile, THREADS.format(seconds=2)))
        holding.start()
        time.sleep(1)
        assert answer(other, THREADS.format(seconds=0)) == alone > 16
        holding.join()


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
        own = "kept = ['SECRET-' + str(654321) + '-END' for _ in range(20000)]\n" + search
        assert answer(session, own) == [b"654321"]
        secret = "a = 'SECRET-123456-END'\ndef f():\n    return [a + str(i) for i in range(9999)]\n"
        assert len(str(answer(session, secret))) > 100_000
        assert answer(session, search) == []
        # Nor are there the inputs that are still to come.
        encoded = codec.encode(["SECRET-123456-END"] * 1000)
        session.set_task({"base": [(5.0, b"[]"), (5.0, encoded)], "plus": [(5.0, encoded)]})
        search = search.replace("def f()", "def f(*_)")
        _, ((_, found), *_) = session.collect(Run("f", total_seconds=10.0), search.encode())
        assert codec.decode(found) == []


@pytest.mark.parametrize(
    ("work", "reason"),
    [
        ("end = time.process_time() + 0.9\n    while time.process_time() < end: pass", "timeout"),
        ("time.sleep(1.5)", "backstop"),
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
        for limit, expected in ((0.2, reason), (5.0, "done")):
            session.set_task({"base": [(limit, b"[]"), (5.0, b"[]")]})
            end, _ = session.collect(Run("f", total_seconds=20.0), program.encode())
            assert end.reason == expected


def test_every_call_has_its_own_limit_and_what_is_between_them_none(
    bubblewrap: SandboxEngine,
) -> None:
    """The timer stays set between calls: it is neither late for the next one, nor ends none."""
    program = (
        "import time\n"
        "def f(seconds, length):\n"
        "    end = time.process_time() + seconds\n"
        "    while time.process_time() < end: pass\n"
        "    return [[]] * length\n"
    )
    # To write the long answer takes longer than what is left of its call.
    calls = [(2.0, b"[0.1,0]"), (0.3, b"[0.28,100000]"), (0.5, b"[0.4,0]"), (0.3, b"[60,0]")]
    with Session(bubblewrap) as session:
        session.set_task({"base": calls})
        _, answers = session.collect(Run("f"), program.encode())
    assert [kind for kind, _ in answers] == [protocol.VALUE] * 3 + [protocol.RAISED]
    assert answers[-1][1] == b"TimeLimit"


CLOSED = {
    "uid": 10_000, "outside_uid": 10_000, "kernel_settings": [], "hash_seed_fixed": True,
    "evalplus": False, "capabilities": 0, "no_new_privileges": True, "seccomp": True,
    "writable": [], "sockets": False, "processes": False, "interfaces": ["lo"],
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"interfaces": ["lo", "eth0"]}, {"capabilities": 1}, {"seccomp": False}, {"sockets": True},
        {"processes": True}, {"no_new_privileges": False}, {"writable": ["/"]}, {"uid": 0},
        {"outside_uid": 0}, {"kernel_settings": ["/proc/sys/kernel/core_pattern"]},
        {"hash_seed_fixed": False}, {"evalplus": True}, {"error": "PermissionError"},
    ],
)  # fmt: skip
def test_an_open_container_is_refused(change: dict[str, Any]) -> None:
    assert find_gaps(CLOSED, separate_users=True) == []
    assert len(find_gaps(CLOSED | change, separate_users=True)) == 1


def test_an_engine_that_does_not_start_says_so(
    bubblewrap: SandboxEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["sh", "-c", "echo no such image >&2; exit 1"]
    monkeypatch.setattr(type(bubblewrap), "start", lambda *_: Link(command))
    with pytest.raises(EagerError, match=r"container did not start.*no such image"):
        Session(bubblewrap).start()
