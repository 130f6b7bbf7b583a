"""Programs that try to break one guarantee each; `eager sandbox doctor` runs them.

Every program defines ``probe(...)``, which returns the list of what it got away with: an empty list
is the right answer.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Probe:
    """A guarantee and a program that tries to break it.

    `ends` says how a program that reports nothing should be ended: one of the ways named there.
    """

    guarantee: str
    program: str
    ends: tuple[str, ...] = ()


_NETWORK = """
import socket
def probe(canary, pid):
    broken = []
    for address in ("1.1.1.1", "127.0.0.1", "172.17.0.1", "169.254.169.254"):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            try:
                with socket.socket(socket.AF_INET, kind) as one:
                    one.settimeout(0.1)
                    one.connect((address, 53))
                broken.append(address)
            except OSError:
                pass
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.connect("/var/run/docker.sock")
        broken.append("docker.sock")
    except OSError:
        pass
    return broken
"""

_HOST_FILES = """
import io, os
def probe(canary, pid):
    broken = []
    for path in (canary, "/proc/1/root" + canary, f"/proc/{pid}/root" + canary, "/etc/shadow"):
        try:
            io.open(path).read()
            broken.append(path)
        except OSError:
            pass
    return broken
"""

_READ_ONLY = """
import os
def probe(canary, pid):
    broken = []
    for folder, folders, _ in os.walk("/"):
        folders[:] = [one for one in folders if one != "proc"]
        if folder == "/scratch" or folder.startswith("/scratch/"):
            continue
        try:
            os.close(os.open(folder + "/eager", os.O_CREAT | os.O_WRONLY))
            broken.append(folder)
        except OSError:
            pass
    return broken
"""

_PROCESSES = """
import ctypes, posix
def probe(canary, pid):
    broken = []
    try:
        if posix.fork() == 0:
            posix._exit(0)
        broken.append("fork")
    except OSError:
        pass
    try:
        posix.posix_spawn("/bin/true", ["true"], {})
        broken.append("spawn")
    except OSError:
        pass
    if ctypes.CDLL(None).execv(b"/proc/self/exe", None) == 0:
        broken.append("exec")
    return broken
"""

_SIGNALS = """
import posix
def probe(canary, pid):
    broken = []
    for target in (1, -1, 0, posix.getppid(), pid):
        try:
            posix.kill(target, 9)
            broken.append(target)
        except OSError:
            pass
    return broken
"""

_PRIVILEGES = """
import ctypes, posix
libc = ctypes.CDLL(None)
def probe(canary, pid):
    calls = {
        "setuid": lambda: libc.setuid(0),
        "unshare user": lambda: libc.unshare(0x10000000),
        "unshare mount": lambda: libc.unshare(0x00020000),
        "mount": lambda: libc.mount(b"none", b"/scratch", b"tmpfs", 0, None),
        "chroot": lambda: libc.chroot(b"/scratch"),
        "ptrace": lambda: libc.ptrace(16, 1, None, None),
        "dumpable": lambda: libc.prctl(4, 1, 0, 0, 0),
        "raise a limit": lambda: libc.setrlimit(7, (ctypes.c_ulong * 2)(1 << 16, 1 << 16)),
    }
    return [name for name, call in calls.items() if call() == 0]
"""

_OTHERS = """
import os
def probe(canary, pid):
    broken = []
    for name in ("environ", "mem", "maps", "fd/0", "fd/1", "cwd", "root"):
        path = f"/proc/{os.getppid()}/{name}"
        try:
            os.close(os.open(path, os.O_RDONLY))
            broken.append(path)
        except OSError:
            pass
    others = {one for one in os.listdir("/proc") if one.isdigit()}
    return broken + sorted(others - {"1", str(os.getpid()), str(os.getppid())})
"""

_LEFTOVERS = """
import io, os
def probe(canary, pid):
    own = os.path.basename(os.environ["HOME"])
    found = [one for one in os.listdir("/scratch") if one != own]
    io.open("left-behind", "w").write("x")
    os.mkdir("closed", 0)
    return found + [one for one in os.listdir(".") if one not in ("left-behind", "closed")]
"""

_MEMORY = """
def probe(canary, pid):
    kept = []
    while True:
        kept.append(bytearray(1 << 26))
"""

_TIME = """
import signal, time
signal.signal(signal.SIGALRM, signal.SIG_IGN)
def probe(canary, pid):
    signal.setitimer(signal.ITIMER_REAL, 0)
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass
"""

_OUTPUT = """
import os
def probe(canary, pid):
    while True:
        os.write(3, b"v\\0\\0\\0\\1" + b"1" * 65536)
"""

_SCRATCH_SIZE = """
import io
def probe(canary, pid):
    written = 0
    try:
        for number in range(1 << 20):
            with io.open(str(number), "wb") as file:
                written += file.write(bytes(1 << 19))
    except OSError:
        pass
    return [written] if written > 1 << 26 else []
"""

PROBES = (
    Probe("no network, no host socket", _NETWORK),
    Probe("no file of the host", _HOST_FILES),
    Probe("nothing writable but the scratch folder", _READ_ONLY),
    Probe("scratch folder is small", _SCRATCH_SIZE),
    Probe("no new process, no other program", _PROCESSES),
    Probe("no signal to others", _SIGNALS),
    Probe("no way to more rights", _PRIVILEGES),
    Probe("supervisor and neighbours out of sight", _OTHERS),
    Probe("nothing left for the next solution", _LEFTOVERS),
    Probe("nothing found of the one before", _LEFTOVERS),
    Probe("memory is limited", _MEMORY, ends=("MemoryError", "signal")),
    Probe("time is limited, alarm or not", _TIME, ends=("timeout", "backstop")),
    Probe("output is limited", _OUTPUT, ends=("output",)),
)
