"""One container at work: handshake, tasks, runs, and a new container when one has died."""

from __future__ import annotations

import errno
import json
import logging
import secrets
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib import resources
from itertools import starmap
from typing import Any, Self

from eager.sandbox.comparing import Checker
from eager.sandbox.engines.containers import (
    FIRST_UID,
    LAST_UID,
    SCRATCH,
    EngineUnavailable,
    SandboxEngine,
)
from eager.sandbox.engines.links import Link, LinkClosed
from eager.sandbox.guest import limits, protocol
from eager.sandbox.guest.protocol import Run
from eager.sandbox.settings import SandboxSettings
from eager.sandbox.tasks import SetName
from eager.util.errors import EagerError

LOG = logging.getLogger(__name__)

# In the order in which they import each other.
INSIDE_MODULES = (
    "codec", "protocol", "limits", "confine", "measure", "extraction", "solution", "harness",
)  # fmt: skip
UIDS_PER_CONTAINER = 256
START_SECONDS = 120.0
START_TRIES = 2
# How long the supervisor may stay silent beyond the wall-clock limit of a run before it counts as
# dead.
SILENCE_SECONDS = 30.0
MAX_REPLY_BYTES = 1 << 27


class ContainerDied(Exception):
    """The container ended, or stopped answering, during a run."""


class NotConfined(ContainerDied):
    """The supervisor could not confine the process of a run: no line of the solution has run."""


class _NotStarted(Exception):
    """A container did not start; another try may succeed."""


@dataclass(frozen=True)
class RunEnd:
    """How a run ended, as the supervisor saw it.

    `seconds`: CPU seconds of each call, as the process itself measured them.
    """

    reason: str
    signal: int
    exit_code: int
    loaded: bool
    seconds: tuple[float, ...] = ()


@cache
def inside_sources() -> bytes:
    """The modules of the inside as the bootstrap reads them."""
    folder = resources.files("eager.sandbox.guest")
    modules = [("eager", ""), ("eager.sandbox", ""), ("eager.sandbox.guest", "")]
    for name in INSIDE_MODULES:
        source = folder.joinpath(f"{name}.py").read_text(encoding="utf-8")
        modules.append((f"eager.sandbox.guest.{name}", source))
    return json.dumps(modules).encode()


def claim_users() -> tuple[int, socket.socket]:
    """The first of a block of users that no other container on this machine has while this lasts.

    So no limit of the kernel, which counts by user, counts two containers together. The claim is
    the name of a socket, which ends with the process that holds it.
    """
    while True:
        block = secrets.randbelow((LAST_UID - FIRST_UID) // UIDS_PER_CONTAINER)
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            claim.bind(f"\0eager-sandbox-users-{block}")
        except OSError as error:
            claim.close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return FIRST_UID + block * UIDS_PER_CONTAINER, claim


class Session:
    """A container for many runs, one at a time; use as a context manager."""

    def __init__(self, engine: SandboxEngine, slot: int = 0, sanitizer: bool = False) -> None:
        self.engine = engine
        self.settings: SandboxSettings = engine.settings
        self.facts: dict[str, Any] = {}
        self._slot = slot
        self._sanitizer = sanitizer
        self._link: Link | None = None
        self._splitter = protocol.Splitter()
        self._frames: deque[tuple[bytes, bytes]] = deque()
        self._task = b""
        self._task_sent = False
        self._shut = False
        self._first_uid, self._claim = claim_users()
        self._checker = Checker()
        self.compare = self._checker.compare

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._checker.close()
        self._claim.close()

    def shut(self) -> None:
        """End the container and start no other: called from outside the thread that runs."""
        self._shut = True
        self._checker.kill()
        self.close()

    def close(self) -> None:
        """End the container; the next run starts a new one."""
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def start(self) -> None:
        """Start a container unless one is running, and check what it says of its isolation.

        A container that does not start is tried once more: a busy machine may have been too slow.

        Raises:
            EagerError: it does not start, or is not closed enough to run anything.
        """
        if self._link is not None:
            return
        for left in reversed(range(START_TRIES)):
            try:
                self.facts = self._start_once()
                break
            except (EngineUnavailable, _NotStarted) as error:
                self.close()
                if not left or self._shut:
                    raise EagerError(str(error)) from None
                LOG.warning("%s; trying once more", error)
        gaps = find_gaps(self.facts, self.engine.separate_users, self._sanitizer)
        if gaps:
            self.close()
            raise EagerError(
                f"the {self.engine.name} container is not closed ({'; '.join(gaps)}), so nothing "
                "is run in it; choose another engine, `eager sandbox doctor` shows which work here"
            )

    def _start_once(self) -> dict[str, Any]:
        if not self._shut:
            self._link = self.engine.start(self._first_uid, self._sanitizer)
        if self._shut or self._link is None:
            self.close()
            raise EagerError("the evaluation has been stopped; a rerun goes on from what is stored")
        self._splitter = protocol.Splitter()
        self._frames.clear()
        self._task_sent = False
        configuration = {
            "first_uid": self._first_uid,
            "uids": UIDS_PER_CONTAINER,
            "separate_users": self.engine.separate_users,
            "memory_bytes": self.settings.memory_bytes,
            "scratch": SCRATCH,
            "cpu": None if self.engine.limits_cpu else self._slot,
            "sanitizer": self._sanitizer,
        }
        sources = inside_sources()
        link = self._link
        try:
            link.send(len(sources).to_bytes(4, "big") + sources)
            link.send(protocol.frame(protocol.CONFIGURE, json.dumps(configuration).encode()))
            kind, payload = self._next_frame(START_SECONDS)
            if kind != protocol.HELLO:
                raise protocol.ProtocolError(payload.decode(errors="replace"))
        except (LinkClosed, TimeoutError, protocol.ProtocolError) as error:
            raise _NotStarted(
                f"the {self.engine.name} container did not start: {error or 'no answer'}; "
                f"{link.complaints() or 'see eager sandbox doctor'}"
            ) from None
        facts: dict[str, Any] = json.loads(payload)
        return facts

    def set_task(self, calls: Mapping[SetName, Sequence[tuple[float, bytes]]]) -> None:
        """The calls of the following runs by set: limit in CPU seconds and encoded arguments."""
        streams = {name: b"".join(starmap(protocol.call, calls[name])) for name in calls}
        sizes = json.dumps({name: len(stream) for name, stream in streams.items()})
        self._task = protocol.frame(protocol.TASK, sizes.encode()) + b"".join(streams.values())
        self._task_sent = False

    def collect(self, run: Run, code: bytes) -> tuple[RunEnd, list[tuple[bytes, bytes]]]:
        """Run once; how it ended, and kind and payload of every answer.

        Raises:
            ContainerDied, EagerError: see `run`.
        """
        answers: list[tuple[bytes, bytes]] = []

        def take(kind: bytes, payload: bytes) -> bool:
            answers.append((kind, payload))
            return True

        return self.run(run, code, take), answers

    def run(self, run: Run, code: bytes, on_reply: Callable[[bytes, bytes], bool]) -> RunEnd:
        """Run once, giving every answer to `on_reply` until it says False.

        Raises:
            ContainerDied: the container ended during the run; the next run starts a new one.
            EagerError: a container cannot be started.
        """
        self.start()
        assert self._link is not None
        try:
            if not self._task_sent:
                self._link.send(self._task)
                self._task_sent = True
            header = json.dumps(asdict(replace(run, code_bytes=len(code)))).encode()
            self._link.send(protocol.frame(protocol.RUN, header) + code)
            return self._follow(run, on_reply)
        except (LinkClosed, TimeoutError, protocol.ProtocolError) as error:
            self.close()
            raise ContainerDied(str(error) or "no answer") from None
        except BaseException:
            # Half a run is left in there: nobody may go on with this container.
            self.close()
            raise

    def _follow(self, run: Run, on_reply: Callable[[bytes, bytes], bool]) -> RunEnd:
        assert self._link is not None
        replies = protocol.Splitter(protocol.REPLY, MAX_REPLY_BYTES)
        deadline = time.monotonic() + limits.wall_seconds(run.total_seconds) + SILENCE_SECONDS
        seconds: list[float] = []
        wanted = True
        while True:
            kind, payload = self._next_frame(max(0.1, deadline - time.monotonic()))
            if kind == protocol.END:
                break
            if kind != protocol.DATA:
                raise protocol.ProtocolError(payload[:200].decode(errors="replace"))
            if not wanted:
                continue
            try:
                for (_, reply_kind, taken), reply in replies.feed(payload):
                    if reply_kind not in protocol.ANSWERS:
                        continue
                    seconds.append(taken)
                    if not on_reply(reply_kind, reply):
                        wanted = False
                        break
            except protocol.ProtocolError:
                wanted = on_reply(b"?", b"")
            if not wanted:
                self._link.send(protocol.frame(protocol.STOP))
        end = json.loads(payload)
        if not end.pop("confined"):
            raise NotConfined(f"a solution process could not be confined ({end})")
        if not end.pop("clean"):
            self.close()
        return RunEnd(seconds=tuple(seconds), **end)

    def _next_frame(self, timeout: float) -> tuple[bytes, bytes]:
        assert self._link is not None
        deadline = time.monotonic() + timeout
        while not self._frames:
            data = self._link.receive(max(0.0, deadline - time.monotonic()))
            self._frames += ((kind, payload) for (kind,), payload in self._splitter.feed(data))
        return self._frames.popleft()


def find_gaps(facts: dict[str, Any], separate_users: bool, sanitizer: bool = False) -> list[str]:
    """What a solution in this container could do that it must not be able to."""
    if "error" in facts:
        return [str(facts["error"])]
    gaps = []
    if facts["interfaces"] not in ([], ["lo"]):
        gaps.append(f"network interfaces {', '.join(facts['interfaces'])}")
    if facts["capabilities"]:
        gaps.append("capabilities are left")
    if not facts["seccomp"] or facts["sockets"] or facts["processes"]:
        gaps.append("the seccomp filter is not in force")
    if not facts["no_new_privileges"]:
        gaps.append("privileges can be regained")
    if facts["writable"]:
        gaps.append(f"writable: {', '.join(facts['writable'])}")
    if facts["kernel_settings"]:
        gaps.append(f"settings of the kernel can be changed: {facts['kernel_settings'][0]}")
    if facts["outside_uid"] == 0:
        gaps.append("solutions are root outside of the container")
    if not facts["hash_seed_fixed"]:
        gaps.append("the hash seed of Python is not fixed")
    if facts["evalplus"] and not sanitizer:
        gaps.append("solutions can read evalplus")
    if separate_users and facts["uid"] < 1000:
        gaps.append("solutions have no user of their own")
    return gaps
