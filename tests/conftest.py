"""Settings and fixtures shared by all tests."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from xdist.scheduler import LoadScopeScheduling

from tests.support.docker import built, running_daemon
from tests.support.repository import Repository, copy_repository

# Machines differ in speed and are shared: no test asserts seconds.
settings.register_profile("eager", deadline=None)
# For mutation tests: the first failure says all, so nothing is made smaller or remembered.
settings.register_profile(
    "mutants",
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile("eager")

FIRST = ("workflow", "sandbox", "containers", "documents", "plans", "browser", "fuzz")
"""Folders whose files are begun first, those that take longest before the others."""
TOGETHER = {"workflow": "runs", "sandbox": "containers", "containers": "containers"}
"""Folders for one process: they share finished runs, or count the containers on the machine."""


def folder_of(nodeid: str) -> str:
    """The folder in `tests` that a test lies in."""
    return nodeid.split("/")[1]


class InOrder(LoadScopeScheduling):
    """Of several processes one takes a file's tests, or all of folders that belong together."""

    def _split_scope(self, nodeid: str) -> str:
        return TOGETHER.get(folder_of(nodeid), nodeid.split("::", maxsplit=1)[0])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> InOrder:
    """Files are dealt in the order in which they are collected."""
    config.option.loadscopereorder = False
    return InOrder(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs Docker is long."""
    for item in items:
        engine = getattr(item, "callspec", None) and item.callspec.params.get("engine")
        if "docker_daemon" in getattr(item, "fixturenames", ()) or engine in ("docker", "podman"):
            item.add_marker(pytest.mark.long)
    places = {name: number for number, name in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(folder_of(item.nodeid), len(places)))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder that holds 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], check=False
        ).returncode
    )
    if not mounted:
        pytest.skip("mounting a small disk needs root and the right to mount")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A copy of the repository with the small experiment."""
    return copy_repository(tmp_path)


@pytest.fixture(scope="session")
def docker_daemon() -> Iterator[None]:
    """A Docker daemon that answers, started if need be."""
    with running_daemon():
        yield


@pytest.fixture(scope="session")
def docker_image(docker_daemon: None) -> str:
    """The image of containers/evaluate.Dockerfile, built without a network."""
    return built("evaluate")


@pytest.fixture(scope="session")
def stages_image(docker_daemon: None) -> str:
    """The image of containers/stages.Dockerfile, built without a network."""
    return built("stages")
