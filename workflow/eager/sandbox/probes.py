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
    body: str
    ends: tuple[str, ...] = ()

    @property
    def program(self) -> str:
        """The whole program."""
        return _TRY + self.body


# Before every program: which of several ways are open.
_TRY = """
import ctypes, io, os, posix, socket
def open_ways(ways):
    found = []
    for name, way in ways.items():
        try:
            way()
            found.append(name)
        except (OSError, ImportError):
            pass
    return found
"""

_NETWORK = """
def connect(kind, family, address):
    with socket.socket(family, kind) as one:
        one.settimeout(0.1)
        one.connect(address)
def probe(canary, pid):
    ways = {"docker.sock": lambda: connect(1, socket.AF_UNIX, "/var/run/docker.sock")}
    for place in ("1.1.1.1", "127.0.0.1", "172.17.0.1", "169.254.169.254"):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            ways[place, kind] = lambda address=(place, 53), kind=kind: connect(
                kind, socket.AF_INET, address
            )
    return open_ways(ways)
"""

_HOST_FILES = """
def probe(canary, pid):
    paths = canary, "/proc/1/root" + canary, f"/proc/{pid}/root" + canary, "/etc/shadow"
    return open_ways({path: lambda path=path: io.open(path).read() for path in paths})
"""

_READ_ONLY = """
def make(folder):
    os.close(os.open(folder + "/eager", os.O_CREAT | os.O_WRONLY))
def probe(canary, pid):
    ways = {}
    for folder, folders, _ in os.walk("/"):
        folders[:] = [one for one in folders if one != "proc" and (folder, one) != ("/", "scratch")]
        ways[folder] = lambda folder=folder: make(folder)
    return open_ways(ways)
"""

_PROCESSES = """
def fork():
    if posix.fork() == 0:
        posix._exit(0)
def probe(canary, pid):
    ways = {"fork": fork, "spawn": lambda: posix.posix_spawn("/bin/true", ["true"], {})}
    replaced = ctypes.CDLL(None).execv(b"/proc/self/exe", None) == 0
    return open_ways(ways) + ["exec"] * replaced
"""

_SIGNALS = """
def probe(canary, pid):
    targets = 1, -1, 0, posix.getppid(), pid
    return open_ways({target: lambda target=target: posix.kill(target, 9) for target in targets})
"""

_PRIVILEGES = """
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
def probe(canary, pid):
    names = "environ", "mem", "maps", "fd/0", "fd/1", "cwd", "root"
    paths = [f"/proc/{os.getppid()}/{name}" for name in names]
    found = open_ways({path: lambda path=path: os.open(path, os.O_RDONLY) for path in paths})
    others = {one for one in os.listdir("/proc") if one.isdigit()}
    return found + sorted(others - {"1", str(os.getpid()), str(os.getppid())})
"""

_LEFTOVERS = """
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
def probe(canary, pid):
    return "1" * (1 << 24)
"""

_CHANNELS = """
import fcntl, pty, termios
def probe(canary, pid):
    shared = os.open(os.__file__, os.O_RDONLY)
    own = os.pipe()[0]
    return open_ways({
        "lock": lambda: fcntl.flock(shared, fcntl.LOCK_SH),
        "range lock": lambda: fcntl.lockf(shared, fcntl.LOCK_SH),
        "lease": lambda: fcntl.fcntl(shared, 1024, 0),
        "owner": lambda: fcntl.fcntl(own, 8, 1),
        "owner by ioctl": lambda: fcntl.ioctl(own, 0x8901, b"\\1\\0\\0\\0"),
        "signal": lambda: fcntl.fcntl(own, 10, 9),
        "terminal": pty.openpty,
        "evalplus": lambda: __import__("evalplus"),
    })
"""

_EARLY_REPLIES = """
for step in b"cl":
    os.write(3, bytes(16) + bytes([step]) + bytes(12))
os.write(3, bytes(16) + b"v" + bytes(8) + b"\\0\\0\\0\\2[]")
def probe(canary, pid):
    return []
"""

_LOADING = """
while True:
    pass
"""

_FILES = """
def probe(canary, pid):
    number = 0
    while True:
        os.mkdir(str(number))
        number += 1
"""

_THREADS = """
import threading
def probe(canary, pid):
    stop, started = threading.Event(), 0
    try:
        for _ in range(64):
            threading.Thread(target=stop.wait).start()
            started += 1
    except RuntimeError:
        pass
    stop.set()
    return [] if 16 <= started < 64 else [started]
"""

_SCRATCH_SIZE = """
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
    Probe("no lock, owner, terminal or evalplus", _CHANNELS),
    Probe("threads are limited, and nobody else's count", _THREADS),
    Probe("no reply before it is asked for", _EARLY_REPLIES, ends=("malformed",)),
    Probe("files are limited", _FILES, ends=("files", "OSError")),
    Probe("loading is limited", _LOADING, ends=("timeout",)),
    Probe("memory is limited", _MEMORY, ends=("MemoryError", "signal")),
    Probe("time is limited, alarm or not", _TIME, ends=("timeout", "backstop")),
    Probe("output is limited", _OUTPUT, ends=("output",)),
)
