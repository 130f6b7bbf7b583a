"""A Docker daemon and the images for tests; both are made where they can be."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import pytest

from eager.containers.launch import OWNER_LABEL
from eager.containers.recipes import ImageName, reference
from eager.util.errors import EagerError
from tools.images.build import build_image, local_base


def run(*command: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    """Run a program of our own, never anything a model wrote."""
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


def unavailable(engine: str, reason: str) -> NoReturn:
    """Skip what needs an engine that is not here, or fail where it was promised.

    CI names in EAGER_REQUIRED_ENGINES what it has made ready, so that a defect that keeps an
    engine from starting cannot pass for a machine without it.
    """
    if engine in os.environ.get("EAGER_REQUIRED_ENGINES", "").split():
        pytest.fail(f"{engine} is required here and does not work: {reason}")
    pytest.skip(reason)


def _answers() -> bool:
    return shutil.which("docker") is not None and run("docker", "info").returncode == 0


@contextmanager
def running_daemon() -> Iterator[None]:
    """A Docker daemon that answers, started if need be."""
    if _answers():
        yield
        return
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        unavailable(
            "docker", "no Docker daemon answers, and none can be started (root, package docker.io)"
        )
    daemon = subprocess.Popen(
        ["dockerd"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not _answers() and time.monotonic() < deadline:
        time.sleep(0.5)
    try:
        if not _answers():
            unavailable("docker", "dockerd does not come up here")
        yield
    finally:
        daemon.terminate()
        daemon.wait(timeout=60)


def built(name: ImageName) -> str:
    """The name of an image of the present recipe on a base made here; builds it if need be."""
    try:
        build_image(name, "docker", local_base(print), print)
    except EagerError as error:
        if "cannot be built" in str(error):
            raise
        unavailable("docker", str(error))
    return reference(name)


def leftovers() -> list[str]:
    """Containers of any launcher, running or not."""
    listed = run("docker", "ps", "--all", "--quiet", f"--filter=label={OWNER_LABEL}")
    return listed.stdout.split()
