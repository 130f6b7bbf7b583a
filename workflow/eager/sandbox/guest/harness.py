"""The supervisor inside the container, and the only code that touches a solution.

It reads frames on standard input and, for every run, forks a fresh process with an own user and an
own session, which gets the solution and the inputs and writes plain replies into a pipe. The
supervisor passes those bytes on unread, measures CPU time, and removes whatever the process left.

Neither solutions nor outputs ever stay in the supervisor's memory, which every later process
inherits: a solution process reads its code from standard input itself, and outputs pass through one
buffer that is wiped. Standard library and numpy only.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import importlib
import json
import os
import select
import shutil
import signal
import time
from dataclasses import dataclass
from typing import Any, NoReturn

from eager.sandbox.guest import codec, confine, limits, measure, protocol, solution

# Loaded before the first fork, so that no solution waits for them or counts them as its own time.
PRELOADED = (
    "bisect collections copy datetime decimal fractions functools hashlib heapq itertools math "
    "numpy operator queue random re statistics string subprocess time typing"
).split()
BUFFER_BYTES = 1 << 18
PIPE_BYTES = 1 << 20
# The kernel's own limit of CPU time counts whole ticks, of which a busy machine charges too many;
# it is there for a supervisor that does not get a core, and otherwise not met.
KERNEL_CPU_FACTOR = 2
CLEANING_ROUNDS = 50


@dataclass(frozen=True)
class Container:
    """What the launcher says once."""

    first_uid: int
    uids: int
    separate_users: bool
    memory_bytes: int
    scratch: str
    sanitizer: bool
    cpu: int | None


@dataclass(frozen=True)
class Run:
    """One request: run the code that follows on these inputs."""

    entry_point: str
    inputs: list[Any]
    limits: list[float]
    total_seconds: float
    output_bytes: int
    code_bytes: int
    timed: bool
    sanitize: bool


class Progress:
    """Counts replies in the relayed bytes by their headers alone."""

    def __init__(self) -> None:
        self.tests = 0
        self.taken = False
        self.loaded = False
        self._header = b""
        self._skip = 0

    def feed(self, view: memoryview) -> None:
        """Count the replies in the next bytes."""
        position = 0
        while position < len(view):
            if self._skip:
                step = min(self._skip, len(view) - position)
                self._skip -= step
                position += step
                continue
            missing = protocol.HEADER.size - len(self._header)
            self._header += bytes(view[position : position + missing])
            position += missing
            if len(self._header) == protocol.HEADER.size:
                kind, self._skip = protocol.HEADER.unpack(self._header)
                self._header = b""
                if kind == protocol.TAKEN:
                    self.taken = True
                elif kind == protocol.LOADED:
                    self.loaded = True
                elif kind != protocol.CONFINED:
                    self.tests += 1


class Supervisor:
    """Serves one launcher until its standard input ends."""

    def __init__(self, container: Container) -> None:
        self.container = container
        self.buffer = bytearray(BUFFER_BYTES)
        self.first_processes = limits.running_processes()
        self.runs = 0

    def serve(self) -> None:
        """Answer frames until end of input."""
        task: dict[str, Any] = {}
        while True:
            kind, payload = receive()
            if kind == protocol.TASK:
                task = json.loads(payload)
                for name in ("base", "plus"):
                    task[name] = codec.decode(task[name].encode("ascii"))
                gc.freeze()
            elif kind == protocol.RUN:
                request = json.loads(payload)
                name = request.pop("inputs")
                inputs = [] if request["sanitize"] else task[name]
                self.run(Run(inputs=inputs, **request))

    def run(self, run: Run) -> None:
        """One solution process from fork to the removal of its last trace."""
        self.runs += 1
        uid = self.container.first_uid + self.runs % self.container.uids
        scratch = f"{self.container.scratch}/{uid}"
        reading_end, writing_end = os.pipe()
        widen(writing_end)
        pid = os.fork()
        if pid == 0:
            os.close(reading_end)
            start_solution(self.container, run, uid, scratch, writing_end)
        os.close(writing_end)
        try:
            reason = self.watch(run, pid, reading_end)
        finally:
            os.close(reading_end)
            # Its end of the pipe is closed when it is exiting or has given up answering, so the
            # kill never changes the status of a process that ended by itself.
            os.kill(pid, signal.SIGKILL)
            _, status, usage = os.wait4(pid, 0)
        if reason == "end" and usage.ru_utime + usage.ru_stime > run.total_seconds:
            # The kernel's limit of CPU time was faster.
            reason = limits.TIMEOUT
        clean = self.clean(uid, scratch)
        self.buffer[:] = bytes(BUFFER_BYTES)
        end = {
            "reason": reason,
            "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
            "exit_code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0,
            "clean": clean,
        }
        send(protocol.END, json.dumps(end).encode())

    def watch(self, run: Run, pid: int, reading_end: int) -> str:
        """Relay what the process writes; return why that ended.

        Raises:
            ProtocolError: the launcher sent something other than an end.
        """
        progress = Progress()
        clock = limits.ProcessClock(pid, self.first_processes)
        keeper = limits.TimeKeeper(run.limits, run.total_seconds, time.monotonic())
        poller = select.poll()
        poller.register(reading_end, select.POLLIN)
        relayed = 0
        listening = False
        while True:
            ready = poller.poll(limits.SAMPLE_SECONDS * 1000)
            arrived, cpu = time.monotonic(), clock.cpu()
            if not ready:
                reason = keeper.check(cpu, arrived, clock.slept(cpu, arrived))
                if reason:
                    return reason
                continue
            if any(descriptor == 0 for descriptor, _ in ready):
                kind, _ = receive()
                if kind == protocol.STOP:
                    return "stopped"
                raise protocol.ProtocolError(f"{kind!r} during a run")
            length = os.readv(reading_end, [self.buffer])
            if length == 0:
                return "end"
            relayed += length
            if relayed > run.output_bytes:
                return "output"
            view = memoryview(self.buffer)[:length]
            progress.feed(view)
            reason = keeper.arrive(progress.tests, progress.loaded, cpu, arrived)
            if reason:
                return reason
            send(protocol.DATA, view)
            # A launcher that reads slowly must not cost the solution its time.
            now = time.monotonic()
            keeper.go_on(clock.cpu(), now, now - arrived)
            if progress.taken and not listening:
                poller.register(0, select.POLLIN)
                listening = True

    def clean(self, uid: int, scratch: str) -> bool:
        """Kill what is still running and empty the scratch folder; False if that fails."""
        for _ in range(CLEANING_ROUNDS):
            left = limits.running_processes() - self.first_processes
            if not left:
                break
            for pid in left:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
        else:
            return False
        try:
            os.rmdir(scratch)
        except FileNotFoundError:
            pass
        except OSError:
            self.remove_as(uid, scratch)
        return not os.listdir(self.container.scratch)

    def remove_as(self, uid: int, scratch: str) -> None:
        """Remove a scratch folder as its owner: the supervisor may not look into it."""
        pid = os.fork()
        if pid == 0:
            try:
                if self.container.separate_users:
                    confine.drop_user(uid)
                for folder, _, _ in os.walk(scratch):
                    os.chmod(folder, 0o700)
                shutil.rmtree(scratch, ignore_errors=True)
            finally:
                os._exit(0)
        os.waitpid(pid, 0)


def start_solution(
    container: Container, run: Run, uid: int, scratch: str, writing_end: int
) -> NoReturn:
    """In the forked process: read the code, give up all rights, run it. Does not return."""
    try:
        code = read_exactly(run.code_bytes)
        protocol_end = 3
        os.dup2(writing_end, protocol_end)
        os.closerange(protocol_end + 1, 1 << 16)
        null = os.open("/dev/null", os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        os.close(null)
        replies = solution.Replies(protocol_end)
        replies.put(protocol.TAKEN)
        replies.flush()
        confine.confine(
            uid if container.separate_users else None,
            container.memory_bytes,
            KERNEL_CPU_FACTOR * int(run.total_seconds + 1),
            scratch,
        )
        replies.put(protocol.CONFINED)
        replies.flush()
        if run.sanitize:
            solution.sanitize(code.decode(), run.entry_point, replies)
        else:
            solution.answer(code.decode(), run.entry_point, run.inputs, run.limits, replies)
            if run.timed:
                replies.put(protocol.SECONDS, json.dumps(replies.seconds).encode())
                replies.flush()
        os._exit(0)
    finally:
        # Whatever happened, the fork must not go on as a second supervisor.
        os._exit(solution.EXIT_CONFINEMENT)


def widen(pipe: int) -> None:
    """Give a pipe a large buffer where that is allowed: some tasks have answers of megabytes."""
    with contextlib.suppress(OSError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def read_exactly(length: int) -> bytes:
    """Read from standard input without a buffer, so that a fork can read on where this stopped."""
    parts = []
    while length:
        part = os.read(0, min(length, 1 << 20))
        if not part:
            os._exit(0)
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def receive() -> tuple[bytes, bytes]:
    """The next frame; ends the supervisor, and with it the container, at end of input."""
    kind, length = protocol.HEADER.unpack(read_exactly(protocol.HEADER.size))
    return kind, read_exactly(length)


def send(kind: bytes, payload: bytes | memoryview) -> None:
    """Write a frame to standard output without copying the payload."""
    rest: list[bytes | memoryview] = [protocol.HEADER.pack(kind, len(payload)), payload]
    while rest:
        written = os.writev(1, rest)
        while rest and written >= len(rest[0]):
            written -= len(rest[0])
            rest.pop(0)
        if rest:
            rest[0] = memoryview(rest[0])[written:]


def main() -> None:
    """Serve the launcher on the other side of standard input and output.

    A failure is sent as a frame and ends the program; nothing is raised.
    """
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    try:
        kind, payload = receive()
        if kind != protocol.CONFIGURE:
            raise protocol.ProtocolError(f"{kind!r} before the configuration")
        container = Container(**json.loads(payload))
        for name in PRELOADED:
            importlib.import_module(name)
        if container.sanitizer:
            solution.load_sanitizer()
        if container.cpu is not None:
            cores = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(0, {cores[container.cpu % len(cores)]})
        confine.hide_from_neighbours()
        first_uid = container.first_uid if container.separate_users else None
        facts = measure.measure(first_uid, container.memory_bytes, container.scratch)
        gc.collect()
        gc.freeze()
        widen(1)
        send(protocol.HELLO, json.dumps(facts).encode())
        Supervisor(container).serve()
    except Exception as error:
        send(protocol.FAILURE, f"{type(error).__name__}: {error}".encode())
        os._exit(1)
