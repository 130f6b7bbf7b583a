"""Container engines behind one interface, each with the same demands on the container."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import uuid
from abc import ABC, abstractmethod
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

from eager.containers.client import docker_client
from eager.sandbox.engines.links import DockerLink, Link, PipeLink
from eager.sandbox.settings import SandboxSettings
from eager.util.errors import EagerError

SCRATCH = "/scratch"
SCRATCH_BYTES = 16 << 20
SCRATCH_OPTIONS = "rw,noexec,nosuid,nodev,size=16m,mode=1777"
# What the supervisor itself needs on top of the solution.
SUPERVISOR_BYTES = 512 << 20
PROCESSES = 64
# One core for the solution and a little for the supervisor's relaying.
CORES = min(1.2, os.cpu_count() or 1)
CAPABILITIES = ("SETUID", "SETGID", "KILL")
ENVIRONMENT = {"LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1"}
COMMAND_SECONDS = 60
NO_CGROUPS = ["--cgroups=disabled"]


class EngineUnavailable(EagerError):
    """This engine cannot be used here; the message says why and what would help."""


def boot_arguments(*package_folders: str) -> list[str]:
    """Arguments of the Python inside: read the supervisor from standard input and run it."""
    source = resources.files("eager.sandbox.guest").joinpath("boot.py").read_text(encoding="utf-8")
    return ["-I", "-B", "-c", source, *package_folders]


class Engine(ABC):
    """Starts containers that hold a supervisor."""

    name: str
    # Whether the supervisor can give every solution a user of its own.
    separate_users = True
    # Whether the engine keeps a container's threads from taking the neighbours' time; where it
    # does not, each container is bound to one core.
    limits_cpu = False

    def __init__(self, settings: SandboxSettings) -> None:
        self.settings = settings

    @abstractmethod
    def check(self) -> None:
        """Return if containers can be started here.

        Raises:
            EngineUnavailable: they cannot; the message says why and what would help.
        """

    @abstractmethod
    def start(self) -> Link:
        """Start a container.

        Raises:
            EngineUnavailable: the engine refuses.
        """


class DockerEngine(Engine):
    """Docker, through the `docker` package and the daemon's socket."""

    name = "docker"
    limits_cpu = True

    @cached_property
    def _client(self) -> Any:
        try:
            return docker_client()
        except EagerError as error:
            raise EngineUnavailable(f"{error}, or set sandbox: bubblewrap") from None

    def check(self) -> None:
        """See `Engine.check`."""
        import docker.errors

        try:
            self._client.images.get(self.settings.image)
        except docker.errors.ImageNotFound:
            raise EngineUnavailable(missing_image("docker", self.settings.image)) from None
        except docker.errors.DockerException as error:
            raise EngineUnavailable(f"Docker: {error}") from None
        runtime = self.settings.runtime
        if runtime and runtime not in self._client.info().get("Runtimes", {}):
            raise EngineUnavailable(
                f"Docker has no runtime {runtime}; install it and name it in "
                "/etc/docker/daemon.json, or leave runtime empty"
            )

    def start(self) -> Link:
        """See `Engine.start`."""
        import docker.errors
        from docker.types import LogConfig, Ulimit

        memory = self.settings.memory_bytes + SUPERVISOR_BYTES
        try:
            container = self._client.containers.create(
                self.settings.image,
                entrypoint=["python3", *boot_arguments()],
                command=[],
                name=f"eager-sandbox-{uuid.uuid4().hex[:12]}",
                runtime=self.settings.runtime,
                stdin_open=True,
                auto_remove=True,
                network_mode="none",
                read_only=True,
                ipc_mode="none",
                cap_drop=["ALL"],
                cap_add=list(CAPABILITIES),
                security_opt=["no-new-privileges"],
                user="0:0",
                pids_limit=PROCESSES,
                mem_limit=memory,
                memswap_limit=memory,
                nano_cpus=int(CORES * 1e9),
                ulimits=[Ulimit(name="core", soft=0, hard=0)],
                log_config=LogConfig(type="none"),
                hostname="box",
                oom_score_adj=500,
                working_dir="/",
                tmpfs={SCRATCH: f"{SCRATCH_OPTIONS},nr_inodes=4096"},
                environment=ENVIRONMENT,
            )
            return DockerLink(container)
        except (docker.errors.DockerException, OSError) as error:
            raise EngineUnavailable(f"Docker could not start a container: {error}") from None


class PodmanEngine(Engine):
    """Podman, rootless or not, through its command line."""

    name = "podman"

    @cached_property
    def _way(self) -> tuple[list[str], list[str]]:
        """Options before and after `run` that work here, the strictest first."""
        memory = self.settings.memory_bytes + SUPERVISOR_BYTES
        limits = [f"--memory={memory}", f"--memory-swap={memory}", f"--pids-limit={PROCESSES}"]
        limits.append(f"--cpus={CORES}")
        runtimes = [self.settings.runtime] if self.settings.runtime else ["crun", "runc"]
        complaint = ""
        # A rootless Podman may set limits only with cgroups v2; and crun knows no mixture of
        # cgroups v1 and v2. The limits of each process hold in any case.
        for after in (limits, NO_CGROUPS):
            for runtime in filter(shutil.which, runtimes):
                before = [f"--runtime={runtime}"]
                trial = self._run_command((before, after), "--rm", self.settings.image, "-c", "")
                answer = _run(*trial)
                if answer.returncode == 0:
                    return before, after
                complaint = answer.stderr.strip()
        raise EngineUnavailable(
            f"Podman cannot start a container here ({complaint or 'no runtime'}); install crun or "
            "runc, and see podman info"
        )

    @property
    def limits_cpu(self) -> bool:  # type: ignore[override]
        """Only where Podman may use cgroups."""
        return self._way[1] != NO_CGROUPS

    def check(self) -> None:
        """See `Engine.check`."""
        if shutil.which("podman") is None:
            raise EngineUnavailable("the program podman is missing; apt install podman")
        if _run("podman", "image", "exists", self.settings.image).returncode != 0:
            raise EngineUnavailable(missing_image("podman", self.settings.image))
        assert self._way

    def _run_command(self, way: tuple[list[str], list[str]], *rest: str) -> list[str]:
        before, after = way
        return [
            "podman", *before, "run", "--interactive", "--pull=never",
            "--network=none", "--read-only", "--read-only-tmpfs=false", "--ipc=none",
            "--cap-drop=all", f"--cap-add={','.join(CAPABILITIES)}",
            "--security-opt=no-new-privileges", "--user=0:0", "--ulimit=core=0:0",
            # Podman's own defaults are above what a restricted root may set.
            "--ulimit=nofile=256:256", "--ulimit=nproc=4096:4096",
            "--log-driver=none", "--hostname=box", "--workdir=/",
            f"--tmpfs={SCRATCH}:{SCRATCH_OPTIONS}",
            *(f"--env={key}={value}" for key, value in ENVIRONMENT.items()),
            *after, "--entrypoint=python3", *rest,
        ]  # fmt: skip

    def command(self, name: str) -> list[str]:
        """The command line of one container."""
        options = ["--rm", f"--name={name}", self.settings.image]
        return self._run_command(self._way, *options, *boot_arguments())

    def start(self) -> Link:
        """See `Engine.start`."""
        name = f"eager-sandbox-{uuid.uuid4().hex[:12]}"

        def kill() -> None:
            with contextlib.suppress(EngineUnavailable):
                _run("podman", "rm", "--force", "--time=0", name)

        return PipeLink(self.command(name), kill)


class ApptainerEngine(Engine):
    """Apptainer, for clusters without a daemon; all solutions of a container are one user."""

    name = "apptainer"
    separate_users = False

    def check(self) -> None:
        """See `Engine.check`."""
        if shutil.which("apptainer") is None:
            raise EngineUnavailable("the program apptainer is missing; see apptainer.org")
        if not Path(self.settings.image).is_file():
            raise EngineUnavailable(missing_image("apptainer", self.settings.image))

    def command(self) -> list[str]:
        """The command line of one container."""
        return [
            "apptainer", "--silent", "exec", "--containall", "--cleanenv", "--no-home",
            "--no-init", "--no-privs", "--drop-caps=all", "--net", "--network=none",
            "--hostname=box", "--pwd=/", f"--scratch={SCRATCH}",
            *(f"--env={key}={value}" for key, value in ENVIRONMENT.items()),
            self.settings.image, "python3", *boot_arguments(),
        ]  # fmt: skip

    def start(self) -> Link:
        """See `Engine.start`."""
        return PipeLink(self.command())


def missing_image(engine: str, image: str) -> str:
    """What to do about an image that is not there."""
    build = {
        "docker": "make images IMAGES=evaluate",
        "podman": "make images IMAGES=evaluate ENGINE=podman",
        "apptainer": "apptainer build evaluate.sif docker-daemon:eager-evaluate:latest",
    }[engine]
    return f"the image {image} is not there; {build}"


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineUnavailable(f"{command[0]}: {error}") from None
