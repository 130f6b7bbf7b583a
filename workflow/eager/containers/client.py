"""The Docker API, for the sandbox."""

from __future__ import annotations

from typing import Any

from eager.util.errors import EagerError

CALL_SECONDS = 60


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
