"""Container engines behind one interface, each with the same demands on the container."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import uuid
from abc import ABC, abstractmethod
from functools import cached_property
from importlib import resources
from pathlib import Path

from eager.sandbox.engines.links import Link, as_user
from eager.sandbox.settings import SandboxSettings
from eager.util.errors import EagerError

SCRATCH = "/scratch"
SCRATCH_BYTES = 16 << 20
SCRATCH_OPTIONS = "rw,noexec,nosuid,nodev,size=16m,mode=1777"
# What the sanitizer imports and no solution may read.
EVALPLUS = "/opt/evalplus"
# What the supervisor itself needs on top of the solution.
SUPERVISOR_BYTES = 512 << 20
PROCESSES = 64
# One core for the solution and a little for the supervisor's relaying.
CORES = min(1.2, os.cpu_count() or 1)
CAPABILITIES = ("SETUID", "SETGID", "KILL")
# With a hash seed that is not fixed, the order of a set decides by chance whether a program passes.
ENVIRONMENT = {"LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
COMMAND_SECONDS = 60
NO_CGROUPS = ["--cgroups=disabled"]
# Users that neither people nor other programs have (systemd's list of what is unused).
FIRST_UID = 0x70000000
LAST_UID = 0x7FFFFFFF


class EngineUnavailable(EagerError):
    """This engine cannot be used here; the message says why and what would help."""


def boot_arguments(*package_folders: str) -> list[str]:
    """Arguments of the Python inside: read the supervisor from standard input and run it."""
    source = resources.files("eager.sandbox.guest").joinpath("boot.py").read_text(encoding="utf-8")
    # Not -I, nor -E: they ignore the hash seed.
    return ["-s", "-P", "-B", "-c", source, *package_folders]


class SandboxEngine(ABC):
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

    @property
    @abstractmethod
    def identity(self) -> list[str]:
        """What a verdict depends on of this engine and of the software that it runs.

        Raises:
            EngineUnavailable: see `check`.
        """

    @abstractmethod
    def start(self, first_uid: int, sanitizer: bool) -> Link:
        """Start a container.

        Args:
            first_uid: the first of the users that belong to this container.
            sanitizer: it is for texts, and has evalplus; otherwise for solutions, and has not.

        Raises:
            EngineUnavailable: the engine refuses.
        """


class ProgramEngine(SandboxEngine):
    """Docker or Podman, through its command line."""

    # Options of this program alone.
    options: tuple[str, ...] = ()

    @cached_property
    def _image(self) -> str:
        """The id of the image."""
        if shutil.which(self.name) is None:
            raise EngineUnavailable(f"the program {self.name} is missing; install it")
        answer = run_command(self.name, "image", "inspect", "--format={{.Id}}", self.settings.image)
        if answer.returncode == 0:
            return answer.stdout.strip()
        if "no such image" in answer.stderr.lower():
            raise EngineUnavailable(missing_image(self.name, self.settings.image))
        raise EngineUnavailable(
            f"{self.name.capitalize()} does not answer ({answer.stderr.strip()}); start it "
            "(systemctl start docker), make its socket accessible, or set sandbox: bubblewrap"
        )

    @property
    def identity(self) -> list[str]:
        """See `SandboxEngine.identity`."""
        return [self.name, self._image, self.settings.runtime or ""]

    @property
    def way(self) -> tuple[list[str], list[str]]:
        """Options before and after `run` that work here."""
        before = [f"--runtime={self.settings.runtime}"] if self.settings.runtime else []
        return [], [*before, *self._limits()]

    def _limits(self) -> list[str]:
        memory = self.settings.memory_bytes + SUPERVISOR_BYTES
        limits = [f"--memory={memory}", f"--memory-swap={memory}", f"--pids-limit={PROCESSES}"]
        return [*limits, f"--cpus={CORES}"]

    def check(self) -> None:
        """See `SandboxEngine.check`."""
        assert self._image
        assert self.way

    def _run_command(self, way: tuple[list[str], list[str]], *rest: str) -> list[str]:
        before, after = way
        return [
            self.name, *before, "run", "--interactive", "--pull=never",
            "--network=none", "--read-only", "--ipc=none",
            "--cap-drop=ALL", *(f"--cap-add={name}" for name in CAPABILITIES),
            "--security-opt=no-new-privileges", "--user=0:0", "--ulimit=core=0:0",
            "--log-driver=none", "--hostname=box", "--workdir=/",
            f"--tmpfs={SCRATCH}:{SCRATCH_OPTIONS}",
            *(f"--env={key}={value}" for key, value in ENVIRONMENT.items()),
            *self.options, *after, "--entrypoint=python3", *rest,
        ]  # fmt: skip

    def command(self, name: str, sanitizer: bool) -> list[str]:
        """The command line of one container."""
        hide = [] if sanitizer else [f"--tmpfs={EVALPLUS}:ro,size=4k"]
        options = ["--rm", f"--name={name}", *hide, self.settings.image]
        return self._run_command(self.way, *options, *boot_arguments(EVALPLUS))

    def start(self, _first_uid: int, sanitizer: bool) -> Link:
        """See `SandboxEngine.start`."""
        name = f"eager-sandbox-{uuid.uuid4().hex[:12]}"

        def kill() -> None:
            with contextlib.suppress(EngineUnavailable):
                run_command(self.name, "rm", "--force", name)

        return Link(self.command(name, sanitizer), kill)


class DockerEngine(ProgramEngine):
    """Docker, through its command line."""

    name = "docker"
    limits_cpu = True
    options = ("--oom-score-adj=500",)

    def check(self) -> None:
        """See `SandboxEngine.check`."""
        super().check()
        runtime = self.settings.runtime
        known = run_command(self.name, "info", "--format={{json .Runtimes}}").stdout
        if runtime and runtime not in json.loads(known or "{}"):
            raise EngineUnavailable(
                f"Docker has no runtime {runtime}; install it and name it in "
                "/etc/docker/daemon.json, or leave runtime empty"
            )


class PodmanEngine(ProgramEngine):
    """Podman, rootless or not, through its command line."""

    name = "podman"
    # Podman's own limits are above what a restricted root may set.
    options = ("--read-only-tmpfs=false", "--ulimit=nofile=256:256", "--ulimit=nproc=4096:4096")

    @cached_property
    def way(self) -> tuple[list[str], list[str]]:
        """See `ProgramEngine.way`; the strictest first."""
        runtimes = [self.settings.runtime] if self.settings.runtime else ["crun", "runc"]
        complaint = ""
        # A rootless Podman may set limits only with cgroups v2; and crun knows no mixture of
        # cgroups v1 and v2. The limits of each process hold in any case.
        for after in (self._limits(), NO_CGROUPS):
            for runtime in filter(shutil.which, runtimes):
                before = [f"--runtime={runtime}"]
                trial = self._run_command((before, after), "--rm", self.settings.image, "-c", "")
                answer = run_command(*trial)
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
        return self.way[1] != NO_CGROUPS


APPTAINER_PLACES = {f"APPTAINER_{name}DIR" for name in ("CACHE", "CONFIG", "TMP")}
"""Variables of Apptainer that are of no container: where its own files lie."""


class ApptainerEngine(SandboxEngine):
    """Apptainer, for clusters without a daemon; all solutions of a container are one user."""

    name = "apptainer"
    separate_users = False

    def check(self) -> None:
        """See `SandboxEngine.check`."""
        if shutil.which("apptainer") is None:
            raise EngineUnavailable("the program apptainer is missing; see apptainer.org")
        if not Path(self.settings.image).is_file():
            raise EngineUnavailable(missing_image("apptainer", self.settings.image))

    @cached_property
    def identity(self) -> list[str]:
        """See `SandboxEngine.identity`."""
        with open(self.settings.image, "rb") as image:
            return [self.name, hashlib.file_digest(image, "sha256").hexdigest()]

    def command(self, sanitizer: bool) -> list[str]:
        """The command line of one container."""
        hide = [] if sanitizer else [f"--scratch={EVALPLUS}"]
        # They bring folders and variables of this machine into a container, whatever its options.
        brought = [name for name in os.environ if name.startswith(("APPTAINER", "SINGULARITY"))]
        return [
            *("env", *(f"--unset={name}" for name in brought if name not in APPTAINER_PLACES)),
            "apptainer", "--silent", "exec", "--containall", "--cleanenv", "--no-home",
            "--no-init", "--no-privs", "--drop-caps=all", "--net", "--network=none",
            "--hostname=box", "--pwd=/", f"--scratch={SCRATCH}",
            *(f"--env={key}={value}" for key, value in ENVIRONMENT.items()),
            *hide, self.settings.image, "python3", *boot_arguments(EVALPLUS),
        ]  # fmt: skip

    def start(self, _first_uid: int, sanitizer: bool) -> Link:
        """See `SandboxEngine.start`."""
        return Link(self.command(sanitizer))


def missing_image(engine: str, image: str) -> str:
    """What to do about an image that is not there."""
    build = {
        "docker": "make images IMAGES=evaluate",
        "podman": "make images IMAGES=evaluate ENGINE=podman",
        "apptainer": "apptainer build evaluate.sif docker-daemon:eager-evaluate:latest",
    }[engine]
    return f"the image {image} is not there; {build}"


def run_command(*command: str, user: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program of an engine, as `user` if one is given.

    Raises:
        EngineUnavailable: it cannot be started, or takes over COMMAND_SECONDS.
    """
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=COMMAND_SECONDS,
            check=False,
            **as_user(user),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineUnavailable(f"{command[0]}: {error}") from None
