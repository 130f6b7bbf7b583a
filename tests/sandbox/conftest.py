"""Engines for the tests of the sandbox; those that do not work on a machine are skipped."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from eager.sandbox.engines.bubblewrap import BubblewrapEngine
from eager.sandbox.engines.containers import SandboxEngine
from eager.sandbox.settings import SandboxSettings
from eager.sandbox.tasks import CodeTask, load_evalplus
from eager.util.errors import EagerError
from tests.support.docker import run, unavailable
from tests.support.sandbox import MINICODE, Sandbox, make_engine

LONG = ("bubblewrap-one-user", "docker", "podman")
ENGINE_NAMES = ("bubblewrap", *(pytest.param(name, marks=pytest.mark.long) for name in LONG))


@pytest.fixture(scope="session")
def podman_image(docker_image: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same image in Podman's store."""
    if shutil.which("podman") is None:
        pytest.skip("no podman here")
    archive = tmp_path_factory.mktemp("podman") / "image.tar"
    run("docker", "save", f"--output={archive}", docker_image)
    answer = run("podman", "load", "--quiet", f"--input={archive}")
    archive.unlink(missing_ok=True)
    if answer.returncode != 0:
        pytest.skip(f"podman cannot load an image here: {answer.stderr[-300:]}")
    return f"localhost/{docker_image}"


@pytest.fixture(params=ENGINE_NAMES, scope="session")
def engine(request: pytest.FixtureRequest) -> SandboxEngine:
    """Every engine that works here."""
    return make_engine(request, request.param)


@pytest.fixture(scope="session")
def bubblewrap() -> SandboxEngine:
    """The engine that needs nothing but Python."""
    one = BubblewrapEngine(SandboxSettings(engine="bubblewrap"))
    try:
        one.check()
    except EagerError as error:
        unavailable("bubblewrap", str(error))
    return one


@pytest.fixture(scope="session")
def minicode() -> list[CodeTask]:
    """The programming tasks of our own."""
    return load_evalplus(MINICODE)


@pytest.fixture
def sandbox(bubblewrap: SandboxEngine, minicode: list[CodeTask], tmp_path: Path) -> Sandbox:
    """Our own tasks in bubblewrap, with nothing stored."""
    return Sandbox(bubblewrap, minicode, tmp_path / "cache")
