"""Runs one step: bare, or in a container that sees what its rule declares and nothing else.

The container has no network (but for the steps that fetch), a read-only root, no rights, its own
temporary files in memory, limits, and the caller's user and group. It goes with the launcher: the
launcher passes Ctrl-C, SIGTERM and SIGUSR1 on and then kills it, does so when its own parent is
gone, and removes what an earlier launcher that was itself killed has left running.
"""

from __future__ import annotations

import json
import os
import platform
import signal
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eager.containers.client import engine_client
from eager.containers.gpus import DEVICES_VARIABLE, Lease, lease, lock_folder, visible_devices
from eager.containers.mounts import Mount, plan_mounts
from eager.containers.recipes import IMAGES_FILE, ImageName, reference
from eager.containers.records import find_image
from eager.containers.settings import SOFTWARE_VARIABLE, ContainerRuntime, Engine
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
PASSED_TO_FETCHES = (
    "HF_TOKEN", "HF_ENDPOINT", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
    "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip
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
    read: tuple[Path, ...] = ()
    write: tuple[Path, ...] = ()
    write_folders: tuple[Path, ...] = ()
    memory_mb: int = 4000
    gpus: int = 0
    network: bool = False


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
    if held.devices:
        os.environ[DEVICES_VARIABLE] = ",".join(held.devices)
    describe_bare(step.image, runtime)


def describe_bare(image: ImageName, runtime: ContainerRuntime) -> None:
    """Let this process know which software it stands for: that of an image, run bare."""
    os.environ[SOFTWARE_VARIABLE] = json.dumps({"runtime": runtime, "image": image})


def run_in_container(step: Step, runtime: Engine) -> int:
    """Run a step in a container and return its exit code, 128 + signal if a signal had to kill it.

    Raises:
        EagerError: no engine, no image, something to read is missing, or memory ran out.
    """
    parent = os.getppid()
    stopping = _Stopping()
    with stopping.installed(), engine_client(runtime) as client:
        remove_orphans(client)
        image = find_image(client, step.image)
        if image is None:
            raise EagerError(
                f"the image {reference(step.image)} is not on this machine: make "
                f"images. If one was, its recipe has changed since: see {IMAGES_FILE}"
            )
        mounts = plan_mounts((*step.read, PACKAGE), step.write, step.write_folders)
        software = {"runtime": runtime, "image": step.image, "image_id": image.id}
        try:
            held = _lease(step, stopping.check)
            try:
                options = container_options(step, runtime, mounts, held.devices, software)
                return _supervise(client, image.id, step, options, stopping, parent)
            finally:
                held.close()
        except StopError as stopped:
            return stopped.exit_code


def container_options(
    step: Step,
    runtime: ContainerRuntime,
    mounts: Sequence[Mount],
    devices: Sequence[str],
    software: Mapping[str, Any],
) -> dict[str, Any]:
    """Arguments of the Docker API for a step's container: `host`, `environment`, `user`."""
    from docker.types import DeviceRequest, LogConfig
    from docker.types import Mount as ApiMount

    memory, podman = step.memory_mb * 1_000_000, runtime == "podman"
    host: dict[str, Any] = {
        "network_mode": "bridge" if step.network else "none",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "pids_limit": PROCESSES,
        "mem_limit": memory,
        "memswap_limit": memory,
        "shm_size": memory // 2,
        "log_config": LogConfig(type="none"),
        "ulimits": [
            _limit("core", 0),
            # Podman's own defaults are above what a restricted root may set.
            *([_limit("nofile", DESCRIPTORS), _limit("nproc", PROCESSES)] if podman else []),
        ],
        # Code that vLLM and Triton compile is loaded from here.
        "tmpfs": {"/tmp": "rw,exec,nosuid,nodev", ENVIRONMENT["HOME"]: "rw,exec,nosuid,nodev"},  # noqa: S108
        "mounts": [
            ApiMount(str(m.target), str(m.source), type="bind", read_only=m.read_only)
            for m in mounts
        ],
    }
    if devices:
        host["device_requests"] = [DeviceRequest(device_ids=list(devices), capabilities=[["gpu"]])]
    passed = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(PASSED_PREFIXES)
        or name in PASSED_THREADS
        or (step.network and name in PASSED_TO_FETCHES)
    }
    facts = json.dumps({**software, "code": code_state(), "host": platform.node()})
    return {
        "host": host,
        "environment": {**passed, **ENVIRONMENT, SOFTWARE_VARIABLE: facts},
        "user": f"{os.getuid()}:{os.getgid()}",
        # A rootless Podman maps the caller to root inside, unless the option asks to keep the id.
        "keep_id": podman and os.geteuid() != 0,
    }


def _limit(name: str, value: int) -> Any:
    from docker.types import Ulimit

    return Ulimit(name=name, soft=value, hard=value)


def remove_orphans(client: Any) -> None:
    """Remove containers whose launcher on this machine is gone: it was killed before it could."""
    for container in client.containers.list(
        all=True, filters={"label": OWNER_LABEL}, ignore_removed=True
    ):
        place, number, start = container.labels[OWNER_LABEL].rsplit(" ", 2)
        if place == _place() and _start_time(int(number)) != start:
            with suppress(Exception):
                container.remove(force=True)


def _supervise(
    client: Any,
    image_id: str,
    step: Step,
    options: Mapping[str, Any],
    stopping: _Stopping,
    parent: int,
) -> int:
    import docker.errors

    api, name = client.api, f"eager-{step.image}-{uuid.uuid4().hex[:12]}"
    host = api.create_host_config(**options["host"])
    if options["keep_id"]:
        host["UsernsMode"] = "keep-id"
    command = list(step.command)
    if command[0] == "eager":
        command[:1] = ["python3", "-m", "eager"]
    try:
        stopping.check()
        api.create_container(
            image_id,
            entrypoint=command[:1],
            command=command[1:],
            name=name,
            hostname="eager",
            user=options["user"],
            working_dir=str(Path.cwd()),
            environment=options["environment"],
            labels={OWNER_LABEL: _owner()},
            host_config=host,
        )
        stream = api.attach(name, stdout=True, stderr=True, stream=True, demux=True)
        output = threading.Thread(target=_copy_output, args=(stream,), daemon=True)
        output.start()
        api.start(name)
        _wait(api, name, stopping, parent)
        output.join(timeout=5)
        state = api.inspect_container(name)["State"]
    except docker.errors.DockerException as error:
        raise EagerError(f"the container engine refuses: {error}") from None
    finally:
        with suppress(Exception):
            api.remove_container(name, force=True)
    if state["OOMKilled"]:
        raise EagerError(
            f"the step used more than its {step.memory_mb} MB; raise mem_mb of the rule "
            "(--set-resources RULE:mem_mb=..., or set-resources in the profile)"
        )
    return int(state["ExitCode"])


def _wait(api: Any, name: str, stopping: _Stopping, parent: int) -> None:
    """Until the container has ended.

    A signal is passed on, so that generation may leave in order; what has not ended soon after, or
    by a second signal, is killed.

    Raises:
        StopError: the container was stopped by a signal or because the parent is gone.
    """
    deadline = None
    while api.inspect_container(name)["State"]["Running"]:
        if os.getppid() != parent and not stopping.number:
            stopping.tell(signal.SIGTERM)
        if stopping.number and deadline is None:
            deadline = time.monotonic() + GRACE_SECONDS
            with suppress(Exception):
                api.kill(name, signal=stopping.number)
        if stopping.times > 1 or (deadline is not None and time.monotonic() > deadline):
            break
        stopping.wait(POLL_SECONDS)
    if stopping.number:
        code = int(api.inspect_container(name)["State"]["ExitCode"])
        raise StopError(code or 128 + stopping.number)


def _copy_output(stream: Any) -> None:
    for standard, error in stream:
        for data, target in ((standard, sys.stdout), (error, sys.stderr)):
            if data:
                target.buffer.write(data)
                target.flush()


class _Stopping:
    """Signals, remembered rather than obeyed at once, so that no call of the API is cut in two.

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


def _lease(step: Step, waiting: Any) -> Lease:
    if step.image != "generate" or step.gpus == 0:
        return Lease([])
    return lease(visible_devices(os.environ), step.gpus, lock_folder(), waiting)


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
