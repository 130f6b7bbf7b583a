"""Settings and fixtures shared by all tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import Phase, settings

from tests.support.docker import built, running_daemon
from tests.support.repository import ROOT, Repository, copy_repository

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

FIRST = ("documents", "workflow", "containers", "plans", "browser", "sandbox", "fuzz")
"""Folders whose files are begun first, those that take longest before the others."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep what shares fixtures in one process: a file's tests, and all that need Docker (long)."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        engine = getattr(item, "callspec", None) and item.callspec.params.get("engine")
        docker = "docker_daemon" in fixtures or engine in ("docker", "podman")
        item.add_marker(pytest.mark.xdist_group("docker" if docker else str(item.path)))
        if docker:
            item.add_marker(pytest.mark.long)
    places = {name: number for number, name in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(item.path.relative_to(ROOT / "tests").parts[0], 99))


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
