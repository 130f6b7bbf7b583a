"""Engines for the tests of the sandbox: what is there is started, what is not is skipped."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from eager.errors import EagerError
from eager.sandbox.bubblewrap import BubblewrapEngine
from eager.sandbox.engines import DockerEngine, Engine, PodmanEngine
from eager.sandbox.settings import SandboxSettings
from eager.sandbox.tasks import CodeTask, load_evalplus

ROOT = Path(__file__).resolve().parents[2]
MINICODE = ROOT / "config/data/minicode.jsonl"
RECIPE = [ROOT / "containers/evaluate.Dockerfile", ROOT / "envs/sandbox.lock"]


def image_of_recipe() -> str:
    """A name that changes with what the image is made from, so that an old one is not taken."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in RECIPE)).hexdigest()
    return f"eager-test-evaluate:{digest[:12]}"


IMAGE = os.environ.get("EAGER_EVALUATE_IMAGE") or image_of_recipe()
BASE = os.environ.get("EAGER_TEST_BASE", "eager-test-base:bookworm")
ENGINE_NAMES = ("bubblewrap", "bubblewrap-one-user", "docker", "podman")


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


def shared_data() -> Path:
    """Public test material that lies beside the repository on some machines."""
    for folder in (os.environ.get("EAGER_SHARED_DATA"), ROOT.parent / "shared/data"):
        if folder and Path(folder).is_dir():
            return Path(folder)
    pytest.skip("no shared test data here (EAGER_SHARED_DATA)")


@pytest.fixture(scope="session")
def docker_daemon() -> Iterator[None]:
    """A Docker daemon that answers, started if need be."""
    docker = pytest.importorskip("docker")

    def answers() -> bool:
        try:
            return bool(docker.from_env(timeout=5).ping())
        except docker.errors.DockerException:
            return False

    if answers():
        yield
        return
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        unavailable(
            "docker", "no Docker daemon answers, and none can be started (root, package docker.io)"
        )
    with open(os.devnull, "w") as null:
        daemon = subprocess.Popen(["dockerd"], stdout=null, stderr=null, start_new_session=True)
    deadline = time.monotonic() + 60
    while not answers() and time.monotonic() < deadline:
        time.sleep(0.5)
    if not answers():
        daemon.terminate()
        unavailable("docker", "dockerd does not come up here")
    yield
    daemon.terminate()
    daemon.wait(timeout=60)


def build_wheels(folder: Path, requirements: Path) -> None:
    """Wheels for an image, fetched outside of its build."""
    answer = run(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder),
        "--requirement", str(requirements),
    )  # fmt: skip
    if answer.returncode != 0:
        pytest.skip(f"the wheels of {requirements.name} cannot be fetched: {answer.stderr[-300:]}")


def have_base(folder: Path) -> None:
    """The base image: what is there, or one made by debootstrap, since no registry is in reach."""
    if run("docker", "image", "inspect", BASE).returncode == 0:
        return
    if shutil.which("debootstrap") is None:
        pytest.skip(f"no base image {BASE}, and no debootstrap to make one")
    root = folder / "base"
    answer = run(
        "debootstrap", "--variant=minbase", "--include=python3,python3-pip,ca-certificates",
        "bookworm", str(root),
    )  # fmt: skip
    if answer.returncode != 0:
        pytest.skip(f"debootstrap failed: {answer.stderr[-300:]}")
    archive = folder / "base.tar"
    run("tar", "-C", str(root), "-cf", str(archive), ".")
    run("docker", "import", str(archive), BASE)
    shutil.rmtree(root)


@pytest.fixture(scope="session")
def docker_image(docker_daemon: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image of containers/evaluate.Dockerfile, built without a network."""
    if run("docker", "image", "inspect", IMAGE).returncode == 0:
        return IMAGE
    context = tmp_path_factory.mktemp("evaluate-image")
    have_base(context)
    build_wheels(context / "build/wheels", ROOT / "envs/sandbox.lock")
    answer = run(
        "docker", "build", "--network=none", f"--build-arg=BASE={BASE}", f"--tag={IMAGE}",
        f"--file={ROOT / 'containers/evaluate.Dockerfile'}", str(context),
    )  # fmt: skip
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return IMAGE


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
