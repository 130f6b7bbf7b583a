"""Engines for the tests of the sandbox: what is there is started, what is not is skipped."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from eager.sandbox.engines.bubblewrap import BubblewrapEngine
from eager.sandbox.engines.containers import DockerEngine, Engine, PodmanEngine
from eager.sandbox.settings import SandboxSettings
from eager.sandbox.tasks import CodeTask, load_evalplus
from eager.util.errors import EagerError
from tests.support.docker import run, unavailable
from tests.support.repository import ROOT

MINICODE = ROOT / "config/data/minicode.jsonl"
ENGINE_NAMES = ("bubblewrap", "bubblewrap-one-user", "docker", "podman")


def shared_data() -> Path:
    """Public test material that lies beside the repository on some machines."""
    for folder in (os.environ.get("EAGER_SHARED_DATA"), ROOT.parent / "shared/data"):
        if folder and Path(folder).is_dir():
            return Path(folder)
    pytest.skip("no shared test data here (EAGER_SHARED_DATA)")


def build_wheels(folder: Path, requirements: Path) -> None:
    """Wheels for an image, fetched outside of its build."""
    answer = run(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder),
        "--requirement", str(requirements),
    )  # fmt: skip
    if answer.returncode != 0:
        pytest.skip(f"the wheels of {requirements.name} cannot be fetched: {answer.stderr[-300:]}")


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


def make_engine(request: pytest.FixtureRequest, name: str) -> Engine:
    """An engine by its name in the tests, or a skip with the reason."""
    engine: Engine
    if name.startswith("bubblewrap"):
        engine = BubblewrapEngine(SandboxSettings(engine="bubblewrap"))
        if name == "bubblewrap":
            if os.geteuid() != 0:
                pytest.skip("a user per solution needs root")
        else:
            engine = BubblewrapEngine(SandboxSettings(engine="bubblewrap"), separate_users=False)
    else:
        image = request.getfixturevalue(f"{name}_image")
        settings = SandboxSettings.model_validate({"engine": name, "image": image})
        engine = DockerEngine(settings) if name == "docker" else PodmanEngine(settings)
    try:
        engine.check()
    except EagerError as error:
        unavailable(engine.name, str(error))
    return engine


@pytest.fixture(params=ENGINE_NAMES, scope="session")
def engine(request: pytest.FixtureRequest) -> Engine:
    """Every engine that works here."""
    return make_engine(request, request.param)


@pytest.fixture(scope="session")
def bubblewrap() -> Engine:
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
