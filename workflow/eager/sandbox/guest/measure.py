"""What a solution in this container could still do, measured instead of believed.

Runs inside the container: standard library only.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import socket
import stat
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


def settings_of_the_kernel() -> list[str]:
    """Those files of /proc outside of processes that can be opened for writing."""
    found = []
    for entry in os.scandir("/proc"):
        # Anyone may ask for notices of pressure, which changes nothing.
        if entry.name.isdigit() or entry.name == "pressure" or entry.is_symlink():
            continue
        paths = [entry.path] if entry.is_file() else []
        paths += [f"{place}/{name}" for place, _, names in os.walk(entry.path) for name in names]
        for path in paths:
            with contextlib.suppress(OSError):
                descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
                # An engine hides some behind /dev/null.
                if stat.S_ISREG(os.fstat(descriptor).st_mode):
                    found.append(path)
                os.close(descriptor)
    return found


def outside_uid() -> int:
    """The user of this process as the namespace around the container's sees it."""
    uid = os.getuid()
    with contextlib.suppress(OSError), open("/proc/self/uid_map", encoding="utf-8") as lines:
        for first, outside, count in (map(int, line.split()) for line in lines):
            if first <= uid < first + count:
                return outside + uid - first
    return uid


def measure_self(scratch: str) -> dict[str, Any]:
    """What the calling, confined process can still do."""
    with open("/proc/self/status", encoding="utf-8") as lines:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in lines if ":\t" in line)
    with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as mounts:
        places = {line.split()[1] for line in mounts} | {"/tmp", "/var/tmp", "/dev/shm", "/root"}
    places.discard(scratch)
    facts: dict[str, Any] = {
        "uid": os.getuid(),
        "outside_uid": outside_uid(),
        "kernel_settings": settings_of_the_kernel(),
        "hash_seed_fixed": not sys.flags.hash_randomization,
        "evalplus": importlib.util.find_spec("evalplus") is not None,
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
