"""What a solution in this container could still do, measured instead of believed.

Runs inside the container: standard library only.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from typing import Any

from eager.sandbox.guest import confine


def measure(uid: int | None, memory_bytes: int, scratch: str) -> dict[str, Any]:
    """Confine a test process like a solution and report what it can still do."""
    with open("/proc/net/dev", encoding="utf-8") as table:
        interfaces = [line.split(":")[0].strip() for line in table if ":" in line]
    reading_end, writing_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            confine.confine(uid, memory_bytes, 10, f"{scratch}/probe")
            facts = measure_self(scratch)
            os.chdir("/")
            os.rmdir(f"{scratch}/probe")
        except (OSError, confine.ConfinementError) as error:
            facts = {"error": f"{type(error).__name__}: {error}"}
        os.write(writing_end, json.dumps(facts).encode())
        os._exit(0)
    os.close(writing_end)
    with open(reading_end, "rb") as pipe:
        facts = dict(json.loads(pipe.read()))
    os.waitpid(pid, 0)
    return facts | {"interfaces": interfaces, "python": sys.version.split()[0], "pid": os.getpid()}


def can_write(folder: str) -> bool:
    """Whether a file can be made in a folder; permission bits alone do not tell."""
    path = f"{folder}/.eager-probe"
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError:
        return False
    os.unlink(path)
    return True


def measure_self(scratch: str) -> dict[str, Any]:
    """What the calling, confined process can still do."""
    with open("/proc/self/status", encoding="utf-8") as lines:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in lines if ":\t" in line)
    with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as mounts:
        places = {line.split()[1] for line in mounts} | {"/tmp", "/var/tmp", "/dev/shm", "/root"}
    places.discard(scratch)
    facts: dict[str, Any] = {
        "uid": os.getuid(),
        "capabilities": int(status["CapEff"], 16) | int(status["CapPrm"], 16),
        # gVisor does not say; it installs a filter without capabilities only with this bit set.
        "no_new_privileges": status.get("NoNewPrivs", "1") == "1",
        "seccomp": status["Seccomp"] == "2",
        "writable": sorted(filter(can_write, places)),
        "sockets": True,
        "processes": True,
    }
    try:
        socket.socket(socket.AF_INET).close()
    except OSError:
        facts["sockets"] = False
    try:
        if os.fork() == 0:
            os._exit(0)
    except OSError:
        facts["processes"] = False
    return facts
