"""Which GPUs a job may use, so that jobs of one machine never share a device.

Snakemake counts GPUs but assigns none. Here each device has a lock file; a job holds the locks of
its devices as long as it lives, and the kernel frees them however it ends.
"""

from __future__ import annotations

import fcntl
import os
import random
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from eager.util.errors import EagerError

DEVICES_VARIABLE = "CUDA_VISIBLE_DEVICES"
LOCKS_VARIABLE = "EAGER_GPU_LOCKS"
"""Where locks lie if not among temporary files, which a container of Apptainer has for itself."""


Lease = dict[str, int]
"""Devices held by this process, by name, and the descriptors of their locks; the end of the process
frees them, and so does `release`."""


def lock_folder() -> Path:
    """Where this user's locks lie on this machine."""
    temporary = Path(tempfile.gettempdir(), f"eager-gpus-{os.getuid()}")
    return Path(os.environ.get(LOCKS_VARIABLE, temporary))


def visible_devices(environment: Mapping[str, str]) -> list[str]:
    """Devices that jobs may use: those of CUDA_VISIBLE_DEVICES, or all of the machine.

    As UUIDs where nvidia-smi tells them: an index means another device in each job of a cluster.

    Raises:
        EagerError: there is none.
    """
    uuids = _uuids()
    named = environment.get(DEVICES_VARIABLE)
    if named is None:
        devices = list(uuids.values())
    else:
        given = [name.strip() for name in named.split(",") if name.strip()]
        devices = [uuids.get(name, name) for name in given]
    if not devices:
        raise EagerError(
            f"no GPU is found: nvidia-smi lists none or {DEVICES_VARIABLE} is empty. A machine "
            "without one takes the profile cpu, or the config value generate_image=generate-cpu"
        )
    return devices


def _uuids() -> dict[str, str]:
    """Index -> UUID of every device of this machine."""
    try:
        answer = subprocess.run(
            ["nvidia-smi", "--query-gpu=index,uuid", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return {}
    pairs = [line.split(",") for line in answer.stdout.splitlines()]
    return {index.strip(): uuid.strip() for index, uuid in pairs}


def lease(
    devices: Sequence[str],
    count: int,
    folder: Path,
    waiting: Callable[[], None] = lambda: None,
    pause_seconds: float = 1.0,
) -> Lease:
    """Wait until `count` of the devices are free, and hold them.

    A job takes all it needs at once or none, so that jobs that each hold a part cannot wait for
    each other. The locks stay held after `exec`.

    Args:
        devices: names of the devices.
        count: how many are wanted.
        folder: of the lock files, the same for all jobs of the machine.
        waiting: called before every further try; may raise.
        pause_seconds: mean time between tries.

    Raises:
        EagerError: more are wanted than there are.
    """
    if count > len(devices):
        raise EagerError(
            f"the step needs {count} GPUs and may use {len(devices)} ({', '.join(devices)}); lower "
            "the model's tensor_parallel_size or make more devices visible"
        )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    while True:
        held: Lease = {}
        for device in devices:
            if len(held) < count and (descriptor := _try_lock(folder / f"{device}.lock")):
                held[device] = descriptor
        if len(held) == count:
            for descriptor in held.values():
                os.set_inheritable(descriptor, True)
            return held
        release(held)
        waiting()
        time.sleep(random.uniform(0, 2 * pause_seconds))  # noqa: S311 - not for secrets


def release(held: Lease) -> None:
    """Free devices."""
    for descriptor in held.values():
        os.close(descriptor)


def _try_lock(path: Path) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
