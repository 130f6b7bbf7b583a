"""The Docker API: Docker's own socket, or Podman's."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eager.containers.settings import Engine
from eager.util.errors import EagerError

CALL_SECONDS = 60
START_SECONDS = 20.0


def docker_client() -> Any:
    """A client of the Docker daemon that has answered.

    Raises:
        EagerError: the package is missing or the daemon does not answer.
    """
    try:
        import docker
    except ImportError:
        raise EagerError("the Python package docker is missing; pip install docker") from None
    try:
        client = docker.from_env(timeout=CALL_SECONDS)
        client.ping()
    except Exception as error:  # noqa: BLE001 - the package lets many kinds through
        raise EagerError(
            f"the Docker daemon does not answer ({error}); start it (systemctl start docker) or "
            "make its socket accessible"
        ) from None
    return client


@contextmanager
def engine_client(runtime: Engine) -> Iterator[Any]:
    """A client of the runtime; Podman's service is started where none listens.

    Raises:
        EagerError: there is no such engine here.
    """
    if runtime == "docker":
        yield docker_client()
        return
    with _podman_socket() as address:
        import docker

        try:
            client = docker.DockerClient(base_url=address, timeout=CALL_SECONDS)
            client.ping()
        except Exception as error:  # noqa: BLE001 - the package lets many kinds through
            raise EagerError(f"Podman's service at {address} does not answer ({error})") from None
        yield client


@contextmanager
def _podman_socket() -> Iterator[str]:
    folder = "/run" if os.geteuid() == 0 else os.environ.get("XDG_RUNTIME_DIR", "/nonexistent")
    listening = Path(folder, "podman/podman.sock")
    if "CONTAINER_HOST" in os.environ or listening.is_socket():
        yield os.environ.get("CONTAINER_HOST", f"unix://{listening}")
        return
    if shutil.which("podman") is None:
        raise EagerError("the program podman is missing; apt install podman")
    with tempfile.TemporaryDirectory(prefix="eager-podman-") as place:
        socket = Path(place, "podman.sock")
        service = subprocess.Popen(
            ["podman", "system", "service", "--time=0", f"unix://{socket}"],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is for the launcher, which needs the service to end
        )
        try:
            deadline = time.monotonic() + START_SECONDS
            while not socket.is_socket():
                if service.poll() is not None or time.monotonic() > deadline:
                    service.kill()
                    said = service.communicate()[1].strip()
                    raise EagerError(f"podman system service does not start: {said}")
                time.sleep(0.05)
            yield f"unix://{socket}"
        finally:
            service.terminate()
            service.wait()
