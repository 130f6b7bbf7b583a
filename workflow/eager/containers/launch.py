"""Runs one step: bare, or in a container that sees what its rule declares and nothing else.

The container has no network (but for the steps that fetch), a read-only root, no rights, its own
temporary files in memory, limits, and the caller's user and group. It goes with the launcher: the
launcher passes Ctrl-C, SIGTERM and SIGUSR1 on and then kills it, does so when its own parent is
gone, and removes what an earlier launcher that was itself killed has left running.
"""

from __future__ import annotations

import csv
import ctypes
import io
import json
import os
import platform
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from eager.containers import gpus
from eager.containers.engine import ask_engine, find_image, run_engine
from eager.containers.recipes import IMAGES_FILE, ImageName, reference
from eager.containers.settings import (
    PASSED_TO_FETCHES,
    SOFTWARE_VARIABLE,
    ContainerEngine,
    ContainerRuntime,
)
from eager.util.errors import EagerError
from eager.util.git import code_state

PACKAGE = Path(__file__).parents[1]
OWNER_LABEL = "org.eager-repro.launcher"
PROCESSES = 4096
DESCRIPTORS = 4096
GRACE_SECONDS = 10.0
POLL_SECONDS = 0.2
PASSED_PREFIXES = ("EAGER_", "VLLM_")
# Snakemake sets these for each job, and sums of floats depend on the number of threads.
PASSED_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "HOME": "/home/eager",
    # Libraries ask for the name of a user that the image does not know.
    "USER": "eager",
    "LOGNAME": "eager",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONPATH": str(PACKAGE.parent),
}


@dataclass(frozen=True)
class Step:
    """A command and what its rule says of it.

    Attributes:
        image: where it runs, if in a container at all.
        command: words of the command; the first is `eager` for a step of the workflow.
        read: files and folders it reads.
        write: files it writes.
        write_folders: folders it writes.
        memory_mb: memory limit; shared memory may take half of it.
        gpus: devices it needs; an image without GPUs ignores it.
        network: whether it fetches something.
    """

    image: ImageName
    command: tuple[str, ...]
    read: Sequence[Path] = ()
    write: Sequence[Path] = ()
    write_folders: Sequence[Path] = ()
    memory_mb: int = 4000
    gpus: int = 0
    network: bool = False


class Mount(NamedTuple):
    """A path of this machine, and where the container has it."""

    source: Path
    target: Path
    read_only: bool


def plan_mounts(
    read: Iterable[Path], write: Iterable[Path], write_folders: Iterable[Path]
) -> list[Mount]:
    """Mounts for a step, outer ones first; the container has every path where this machine has it.

    A file that is written needs its folder: it is written under a temporary name and renamed. What
    is only read stays read-only there too, by a separate mount over the folder's.

    Args:
        read: files and folders that are read.
        write: files that are written; their folders are made.
        write_folders: folders that are written; they are made.

    Raises:
        EagerError: something to read is not there.
    """
    writable = {_absolute(path).parent for path in write} | {_absolute(p) for p in write_folders}
    outermost = {path for path in writable if not any(p in writable for p in path.parents)}
    for folder in writable:
        folder.mkdir(parents=True, exist_ok=True)
    readable = {_absolute(path) for path in read} - writable
    for path in readable:
        if not path.exists():
            raise EagerError(f"{path}: no such file; a step in a container is to read it")
    # A folder that is read covers what lies in it, unless a writable folder lies between.
    needed = {
        path
        for path in readable
        if not any(p in readable and not _between(p, path, outermost) for p in path.parents)
    }
    mounts = [Mount(path.resolve(), path, read_only=False) for path in outermost]
    mounts += [Mount(path.resolve(), path, read_only=True) for path in needed]
    return sorted(mounts, key=lambda mount: (len(mount.target.parts), mount.target))


def _absolute(path: Path) -> Path:
    # Symbolic links stay as they are named: the step will use the same name.
    return Path.cwd() / path


def _between(outer: Path, inner: Path, folders: set[Path]) -> bool:
    return any(folder in inner.parents and outer in folder.parents for folder in folders)


class StopError(Exception):
    """The launcher received a signal to stop."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


def prepare_bare(step: Step, runtime: ContainerRuntime) -> None:
    """Give this process what a step outside of our containers needs: GPUs, facts for run.json.

    The GPUs stay held until the process ends, also after `exec`.
    """
    held = _lease(step, lambda: None)
    if held:
        os.environ[gpus.DEVICES_VARIABLE] = ",".join(held)
    describe_bare(step.image, runtime)


def describe_bare(image: ImageName, runtime: ContainerRuntime) -> None:
    """Let this process know which software it stands for: that of an image, run bare."""
    os.environ[SOFTWARE_VARIABLE] = json.dumps({"runtime": runtime, "image": image})


def run_in_container(step: Step, runtime: ContainerEngine) -> int:
    """Run a step in a container and return its exit code, 128 + signal if a signal had to kill it.

    Raises:
        EagerError: no engine, no image, something to read is missing, or memory ran out.
    """
    parent = os.getppid()
    stopping = _Stopping()
    with stopping.installed():
        remove_orphans(runtime)
        image = find_image(runtime, step.image)
        if image is None:
            raise EagerError(
                f"the image {reference(step.image)} is not on this machine: make "
                f"images. If one was, its recipe has changed since: see {IMAGES_FILE}"
            )
        mounts = plan_mounts((*step.read, PACKAGE), step.write, step.write_folders)
        software = {"runtime": runtime, "image": step.image, "image_id": image["Id"]}
        try:
            held = _lease(step, stopping.check)
            try:
                options = container_options(step, runtime, mounts, list(held), software)
                return _supervise(runtime, image["Id"], step, options, stopping, parent)
            finally:
                gpus.release(held)
        except StopError as stopped:
            return stopped.exit_code


def container_options(
    step: Step,
    runtime: ContainerEngine,
    mounts: Sequence[Mount],
    devices: Sequence[str],
    software: Mapping[str, Any],
) -> list[str]:
    """Options of `docker create` or `podman create` for a step's container."""
    memory, podman = f"{step.memory_mb * 1_000_000}b", runtime == "podman"
    facts = json.dumps({**software, "code": code_state(), "host": platform.node()})
    words = [
        f"--network={'bridge' if step.network else 'none'}",
        "--read-only",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        f"--pids-limit={PROCESSES}",
        f"--memory={memory}",
        f"--memory-swap={memory}",
        f"--shm-size={step.memory_mb * 500_000}b",
        "--log-driver=none",
        "--ulimit=core=0",
        # Code that vLLM and Triton compile is loaded from here.
        *(f"--tmpfs={place}:rw,exec,nosuid,nodev" for place in ("/tmp", ENVIRONMENT["HOME"])),  # noqa: S108
        *(f"--mount={_mount(mount)}" for mount in mounts),
        "--hostname=eager",
        f"--workdir={Path.cwd()}",
        f"--user={os.getuid()}:{os.getgid()}",
        f"--label={OWNER_LABEL}={_owner()}",
        # Without their values, which may be secrets: the engine's program takes them from its own.
        *(f"--env={name}" for name in sorted(os.environ) if _is_passed(name, step)),
        *(f"--env={name}={value}" for name, value in ENVIRONMENT.items()),
        f"--env={SOFTWARE_VARIABLE}={facts}",
    ]
    if podman:
        # Podman's own defaults are above what a restricted root may set.
        words += [f"--ulimit=nofile={DESCRIPTORS}", f"--ulimit=nproc={PROCESSES}"]
        words += [f"--device=nvidia.com/gpu={device}" for device in devices]
        if os.geteuid() != 0:
            # A rootless Podman maps the caller to root inside, unless it is asked to keep the id.
            words.append("--userns=keep-id")
    elif devices:
        words.append(f'--gpus="device={",".join(devices)}"')
    return words


def _mount(mount: Mount) -> str:
    """A value of --mount: the engines read it as a line of CSV."""
    fields = ["type=bind", f"source={mount.source}", f"target={mount.target}"]
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields + ["readonly"] * mount.read_only)
    return line.getvalue()


def _is_passed(name: str, step: Step) -> bool:
    return name != SOFTWARE_VARIABLE and (
        name.startswith(PASSED_PREFIXES)
        or name in PASSED_THREADS
        or (step.network and name in PASSED_TO_FETCHES)
    )


def remove_orphans(runtime: ContainerEngine) -> None:
    """Remove containers whose launcher on this machine is gone: it was killed before it could.

    Raises:
        EagerError: the engine does not answer.
    """
    listed = ask_engine(runtime, "ps", "--all", "--quiet", f"--filter=label={OWNER_LABEL}")
    for container in listed.split():
        said = run_engine(runtime, "inspect", "--format={{json .Config.Labels}}", container)
        if said.returncode != 0:
            continue  # it has ended meanwhile
        place, number, start = json.loads(said.stdout)[OWNER_LABEL].rsplit(" ", 2)
        if place == _place() and _start_time(int(number)) != start:
            run_engine(runtime, "rm", "--force", container)


def _supervise(
    runtime: ContainerEngine,
    image_id: str,
    step: Step,
    options: Sequence[str],
    stopping: _Stopping,
    parent: int,
) -> int:
    name = f"eager-{step.image}-{uuid.uuid4().hex[:12]}"
    command = list(step.command)
    if command[0] == "eager":
        command[:1] = ["python3", "-m", "eager"]
    try:
        stopping.check()
        entry = f"--entrypoint={command[0]}"
        ask_engine(runtime, "create", f"--name={name}", *options, entry, image_id, *command[1:])
        attached = subprocess.Popen(
            [runtime, "start", "--attach", name],
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the launcher, which passes it on
            preexec_fn=_end_with_launcher,  # noqa: PLW1509 - no thread has been started
        )
        state = _wait(runtime, name, attached, stopping, parent)
    finally:
        run_engine(runtime, "rm", "--force", name)
    if state["Status"] == "created":
        raise EagerError(f"the container engine refuses: {state.get('Error') or 'see above'}")
    if state["OOMKilled"]:
        raise EagerError(
            f"the step used more than its {step.memory_mb} MB; raise mem_mb of the rule "
            "(--set-resources RULE:mem_mb=..., or set-resources in the profile)"
        )
    return int(state["ExitCode"])


def _end_with_launcher() -> None:
    """Let the kernel kill this process when the launcher ends, even by SIGKILL."""
    parent_death_signal = 1
    ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGKILL)


def _wait(
    runtime: ContainerEngine,
    name: str,
    attached: subprocess.Popen[bytes],
    stopping: _Stopping,
    parent: int,
) -> dict[str, Any]:
    """What the engine says of the container's state once it has ended.

    A signal is passed on, so that generation may leave in order; what has not ended soon after, or
    by a second signal, is killed.

    Raises:
        StopError: the container was stopped by a signal or because the parent is gone.
    """
    deadline = None
    while attached.poll() is None:
        if os.getppid() != parent and not stopping.number:
            stopping.tell(signal.SIGTERM)
        if stopping.number and deadline is None:
            deadline = time.monotonic() + GRACE_SECONDS
            run_engine(runtime, "kill", f"--signal={stopping.number}", name)
        if stopping.times > 1 or (deadline is not None and time.monotonic() > deadline):
            break
        stopping.wait(POLL_SECONDS)
    found: dict[str, Any] = json.loads(
        ask_engine(runtime, "inspect", "--format={{json .State}}", name)
    )
    if stopping.number:
        raise StopError(int(found["ExitCode"]) or 128 + stopping.number)
    return found


class _Stopping:
    """Signals, remembered rather than obeyed at once, so that no call of the engine is cut in two.

    Attributes:
        number: of the first signal; 0: none yet.
        times: number of signals received.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self.number = 0
        self.times = 0

    @contextmanager
    def installed(self) -> Iterator[None]:
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
        before = {
            number: signal.signal(number, lambda told, _: self.tell(told)) for number in numbers
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def tell(self, number: int) -> None:
        self.number = self.number or number
        self.times += 1
        self._event.set()

    def wait(self, seconds: float) -> None:
        """Wait for the next signal, or for some seconds at most."""
        self._event.wait(seconds)
        self._event.clear()

    def check(self) -> None:
        if self.number:
            raise StopError(128 + self.number)


def _lease(step: Step, waiting: Any) -> gpus.Lease:
    if step.image != "generate" or step.gpus == 0:
        return {}
    return gpus.lease(gpus.visible_devices(os.environ), step.gpus, gpus.lock_folder(), waiting)


def _owner() -> str:
    return f"{_place()} {os.getpid()} {_start_time(os.getpid())}"


def _place() -> str:
    """This boot of this machine and this process namespace, within which process numbers count."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    return f"{boot} {Path('/proc/self/ns/pid').readlink()}"


def _start_time(number: int) -> str:
    """When a process started, which with its number names it; empty if there is none."""
    try:
        content = Path(f"/proc/{number}/stat").read_text(encoding="utf-8")
    except OSError:
        return ""
    return content.rpartition(")")[2].split()[19]
