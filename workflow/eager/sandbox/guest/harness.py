"""The supervisor inside the container, and the only code that touches a solution.

It reads frames on standard input and, for every run, forks a fresh process with an own user and an
own session. That process gets the solution, then one call at a time, each with a token of its own
that its reply has to carry. The supervisor passes replies on without looking at the values,
measures CPU time, and removes whatever the process left.

Neither calls nor solutions nor outputs are ever in the memory that the next process inherits:
calls and outputs lie in memory that a fork leaves out, and a solution process reads its code from
standard input itself. Standard library and numpy only.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import importlib
import json
import mmap
import os
import platform
import select
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NoReturn

from eager.sandbox.guest import codec, confine, limits, measure, protocol, solution

# Loaded before the first fork, so that no solution waits for them or counts them as its own time.
PRELOADED = (
    "bisect collections copy datetime decimal fractions functools hashlib heapq itertools math "
    "numpy operator queue random re statistics string subprocess time typing"
).split()
BUFFER_BYTES = 1 << 18
PIPE_BYTES = 1 << 20
TOKENS_AT_A_TIME = 256
# Replies that come fast are passed on together.
FLUSH_BYTES = 1 << 16
FLUSH_SECONDS = 0.01
FIRST_MAPPED_UID = 10_000
# Files, folders and pipes that a solution may have in its scratch folder: each takes memory of the
# kernel, which the size of the file system does not count.
MAX_FILES = 4096
# The kernel's own limit of CPU time counts whole ticks, of which a busy machine charges too many;
# it is there for a supervisor that does not get a core, and otherwise not met.
KERNEL_CPU_FACTOR = 2
CLEANING_ROUNDS = 50


@dataclass
class Container:
    """What the launcher says once."""

    first_uid: int
    uids: int
    separate_users: bool
    memory_bytes: int
    scratch: str
    sanitizer: bool
    cpu: int | None


def own_memory(size: int) -> memoryview:
    """Memory that is not in the processes forked from this one, so that nothing has to be wiped."""
    memory = mmap.mmap(-1, max(1, size), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_DONTFORK)
    return memoryview(memory)[:size]


def fresh_tokens() -> Iterator[bytes]:
    """Tokens that nobody can guess; the first of them is made when it is asked for.

    None that is still to be used may be made before the fork, whose memory would hold it.
    """
    while True:
        pool = os.urandom(TOKENS_AT_A_TIME * protocol.TOKEN_BYTES)
        for start in range(0, len(pool), protocol.TOKEN_BYTES):
            yield pool[start : start + protocol.TOKEN_BYTES]


class Calls:
    """The calls of one set, in memory of the supervisor's own."""

    def __init__(self) -> None:
        self._calls = own_memory(0)
        self.rewind()

    def store(self, size: int) -> None:
        """Replace the calls by the next `size` bytes of standard input."""
        self._calls = own_memory(size)
        rest = self._calls
        while rest:
            count = os.readv(0, [rest])
            if not count:
                os._exit(0)
            rest = rest[count:]
        self.rewind()

    def rewind(self) -> None:
        """The first call is the next."""
        self._at = self._end = 0

    @property
    def sent(self) -> bool:
        """Whether nothing is left of the call under way."""
        return self._at == self._end

    def more(self) -> bool:
        """Whether there is another call."""
        return self._end < len(self._calls)

    def begin(self, token: bytes, pipe: int) -> float:
        """Send the next call with its token, as far as the pipe takes it; its CPU limit.

        Raises:
            ProtocolError: the pipe is full of calls that were answered and not read.
        """
        limit, length = protocol.CALL.unpack_from(self._calls, self._at)
        self._end = self._at + protocol.CALL.size + length
        written = write_some(pipe, [token, self._calls[self._at : self._end]]) - len(token)
        if written < 0:
            raise protocol.ProtocolError("calls are answered that have not been read")
        self._at += written
        return float(limit)

    def go_on(self, pipe: int) -> None:
        """Send more of the call under way."""
        self._at += write_some(pipe, [self._calls[self._at : self._end]])


class Supervisor:
    """Serves one launcher until its standard input ends."""

    def __init__(self, container: Container) -> None:
        self.container = container
        self.replies = own_memory(BUFFER_BYTES)
        self.calls = {"base": Calls(), "plus": Calls()}
        self.first_processes = limits.running_processes()
        self.first_files = files_in(container.scratch)
        self.runs = 0

    def serve(self) -> None:
        """Answer frames until end of input."""
        while True:
            kind, payload = receive()
            if kind == protocol.TASK:
                for name, size in json.loads(payload).items():
                    self.calls[name].store(size)
            elif kind == protocol.RUN:
                self.run(protocol.Run(**json.loads(payload)))

    def run(self, run: protocol.Run) -> None:
        """One solution process from fork to the removal of its last trace."""
        self.runs += 1
        uid = self.container.first_uid + self.runs % self.container.uids
        scratch = f"{self.container.scratch}/{uid}"
        replies, writing_end = os.pipe()
        reading_end, calls = os.pipe()
        widen(writing_end)
        widen(calls)
        pid = os.fork()
        if pid == 0:
            start_solution(self.container, run, uid, scratch, reading_end, writing_end)
        os.close(writing_end)
        os.close(reading_end)
        # Nor does it wait for a byte that it was told of and the solution has taken back.
        os.set_blocking(replies, False)
        os.set_blocking(calls, False)
        watch = Watch(self, run, pid, replies, calls)
        try:
            reason = watch.follow()
        finally:
            os.close(replies)
            os.close(calls)
            # Its end of the pipe is closed when it is exiting or has given up answering, so the
            # kill never changes the status of a process that ended by itself.
            os.kill(pid, signal.SIGKILL)
            _, status, usage = os.wait4(pid, 0)
        if reason == "end" and usage.ru_utime + usage.ru_stime > run.total_seconds:
            # The kernel's limit of CPU time was faster.
            reason = limits.TIMEOUT
        clean = self.clean(uid, scratch)
        self.calls[run.inputs].rewind()
        end = {
            "reason": reason,
            "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
            "exit_code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0,
            "confined": watch.conversation.steps > protocol.STEPS.index(protocol.CONFINED),
            "loaded": watch.conversation.loaded,
            "clean": clean,
        }
        send(protocol.END, json.dumps(end).encode())

    def has_many_files(self) -> bool:
        """Whether the scratch folder holds more than a solution may have."""
        return files_in(self.container.scratch) > self.first_files + MAX_FILES

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


class Watch:
    """One run seen from the supervisor: calls out, replies in, and the time of both."""

    def __init__(
        self, supervisor: Supervisor, run: protocol.Run, pid: int, replies: int, calls: int
    ) -> None:
        """`replies` and `calls`: the supervisor's ends of the two pipes."""
        self.conversation = protocol.Conversation()
        self._tokens = fresh_tokens()
        self._supervisor = supervisor
        self._run = run
        self._replies, self._pipe = replies, calls
        self._calls = supervisor.calls[run.inputs]
        self._clock = limits.ProcessClock(pid, supervisor.first_processes)
        now = time.monotonic()
        self._keeper = limits.TimeKeeper(run.total_seconds, now)
        self._looked = self._flushed = now
        self._held = self._relayed = 0
        self._poller = select.poll()
        self._poller.register(replies, select.POLLIN)

    def follow(self) -> str:
        """Serve the process until it has answered every call; why it ended otherwise.

        Raises:
            ProtocolError: the launcher sent something other than an end.
        """
        try:
            reason = ""
            while not reason:
                reason = self._step()
            return reason
        except protocol.ProtocolError:
            return "malformed"
        finally:
            self._flush()

    def _step(self) -> str:
        ready = self._poller.poll(limits.SAMPLE_SECONDS * 1000)
        now = time.monotonic()
        if ready and now - self._looked < limits.SAMPLE_SECONDS:
            cpu = self._clock.own_cpu()
            reason = self._keeper.check(cpu, now)
        else:
            cpu = self._clock.cpu()
            reason = self._look_around(cpu, now, asleep=not ready)
        if reason:
            return reason
        for descriptor, _ in ready:
            if descriptor == 0:
                kind, _ = receive()
                if kind != protocol.STOP:
                    raise RuntimeError(f"{kind!r} during a run")
                return "stopped"
            if descriptor == self._pipe:
                self._send_rest()
            else:
                reason = self._take(cpu, now)
        return reason

    def _look_around(self, cpu: float, now: float, asleep: bool) -> str:
        """What need not be done at every reply."""
        self._looked = now
        self._flush()
        reason = self._keeper.check(cpu, now, self._clock.slept(cpu, now) if asleep else 0.0)
        return reason or ("files" if self._supervisor.has_many_files() else "")

    def _take(self, cpu: float, now: float) -> str:
        buffer = self._supervisor.replies[self._held :]
        try:
            length = os.readv(self._replies, [buffer])
        except BlockingIOError:
            return ""
        if length == 0:
            return "end"
        taken = self.conversation.steps
        self.conversation.feed(buffer[:length])
        self._held += length
        self._relayed += length
        if self._relayed > self._run.output_bytes:
            return "output"
        if not taken and self.conversation.steps:
            # The code has been read, so that what comes on standard input is for the supervisor.
            self._poller.register(0, select.POLLIN)
        if self.conversation.raised:
            return "end"
        if self._held > FLUSH_BYTES or now - self._flushed > FLUSH_SECONDS:
            self._flush()
        if self.conversation.waits:
            if not self._calls.sent:
                raise protocol.ProtocolError("a call is answered that has not been sent")
            if not self._calls.more():
                return "done"
            token = next(self._tokens)
            self.conversation.call(token)
            limit = self._calls.begin(token, self._pipe)
            # From the reply before on, so that no time passes between two calls.
            self._keeper.begin(limit, cpu, time.monotonic())
            if not self._calls.sent:
                self._poller.register(self._pipe, select.POLLOUT)
        return ""

    def _send_rest(self) -> None:
        self._calls.go_on(self._pipe)
        if self._calls.sent:
            self._poller.unregister(self._pipe)

    def _flush(self) -> None:
        """Pass on what has been read. A launcher that reads slowly costs a solution no time."""
        start = time.monotonic()
        if self._held:
            send(protocol.DATA, self._supervisor.replies[: self._held])
            self._held = 0
        self._flushed = time.monotonic()
        self._keeper.wait(self._flushed - start)


def start_solution(
    container: Container, run: protocol.Run, uid: int, scratch: str, calls: int, replies: int
) -> NoReturn:
    """In the forked process: read the code, give up all rights, run it. Does not return."""
    try:
        code = codec.to_text(read_exactly(run.code_bytes))
        # Both are higher than 4, for the supervisor's own files came before.
        os.dup2(replies, 3)
        os.dup2(calls, 4)
        os.closerange(5, 1 << 16)
        null = os.open("/dev/null", os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        os.close(null)
        channel = solution.Channel(calls=4, replies=3)
        channel.put(protocol.TAKEN)
        confine.confine(
            uid if container.separate_users else None,
            container.memory_bytes,
            KERNEL_CPU_FACTOR * int(run.total_seconds + 1),
            scratch,
        )
        channel.put(protocol.CONFINED)
        make = solution.sanitizer if run.sanitize else solution.load
        solution.answer(partial(make, code, run.entry_point), channel)
        os._exit(0)
    finally:
        # Whatever happened, the fork must not go on as a second supervisor.
        os._exit(solution.EXIT_CONFINEMENT)


def write_some(pipe: int, parts: Sequence[bytes | memoryview]) -> int:
    """How many bytes a pipe took; all where nobody reads it any more."""
    try:
        return os.writev(pipe, parts)
    except BlockingIOError:
        return 0
    except BrokenPipeError:
        return sum(map(len, parts))


def files_in(folder: str) -> int:
    """Files and folders of the file system that a folder lies on."""
    status = os.statvfs(folder)
    return status.f_files - status.f_ffree


def own_users(first: int, count: int) -> int:
    """The first of `count` users that this container may have: `first`, or one of the few mapped.

    A container in a user namespace of its engine may have some 65,000 users in all.
    """
    with open("/proc/self/uid_map", encoding="utf-8") as lines:
        end = max(int(start) + int(size) for start, _, size in map(str.split, lines))
    if first + count <= end:
        return first
    blocks = max(1, (end - FIRST_MAPPED_UID) // count)
    return FIRST_MAPPED_UID + first // count % blocks * count


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
    for part in (protocol.HEADER.pack(kind, len(payload)), payload):
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(1, rest) :]


def main() -> None:
    """Serve the launcher on the other side of standard input and output.

    A failure is sent as a frame and ends the program; nothing is raised.
    """
    try:
        kind, payload = receive()
        if kind != protocol.CONFIGURE:
            raise protocol.ProtocolError(f"{kind!r} before the configuration")
        container = Container(**json.loads(payload))
        container.first_uid = own_users(container.first_uid, container.uids)
        for name in PRELOADED:
            importlib.import_module(name)
        if container.sanitizer:
            solution.load_sanitizer()
        if container.cpu is not None:
            cores = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(0, {cores[container.cpu % len(cores)]})
        confine.hide_from_neighbours()
        # So that the processes to come find most of it made.
        confine.build_filter(os.getpid(), platform.machine())
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
