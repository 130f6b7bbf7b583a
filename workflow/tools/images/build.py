"""Builds images from their recipes; wheels are fetched before the build, which has no network."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from eager.containers.engine import inspect_image, labels_of
from eager.containers.recipes import (
    IMAGES_FILE,
    ROOT,
    Image,
    ImageName,
    identity,
    lock_hashes,
    pins,
    read_images,
    reference,
    without_comments,
)
from eager.containers.settings import ContainerEngine
from eager.util.errors import EagerError
from eager.util.files import sha256_file
from eager.util.git import code_state

LOCAL_BASE = "eager-test-base:bookworm"
"""Base image that `--base local` makes from Debian's packages, where no registry is reachable."""
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
LABEL = "org.eager-repro"
COMMAND_SCRIPT = '#!/bin/sh\nexec python3 -m eager "$@"\n'
Say = Callable[[str], None]


def build_image(name: ImageName, engine: ContainerEngine, base: str | None, say: Say) -> bool:
    """Build an image unless one of its current recipe and base exists; True if one was built.

    Args:
        name: which image.
        engine: docker or podman, the program that builds.
        base: replaces the pinned base; None: the pinned one.
        say: receives a line per step.

    Raises:
        EagerError: wheels cannot be fetched or the build fails.
    """
    image = read_images()[name]
    wanted_base = base or image.base
    target = reference(name)
    if _label(engine, target, f"{LABEL}.base") == wanted_base:
        say(f"{name}: {target} is up to date")
        return False
    context = ROOT / "build/images" / name
    _make_context(name, image, wanted_base, context, say)
    for package, digest in image.debs.items():
        _fetch_deb(package, digest, context / "debs", [engine, "run", "--rm"], wanted_base)
    say(f"{name}: building {target}")
    labels = _labels(name, wanted_base)
    _run(
        engine, "build", "--network=none", f"--build-arg=BASE={wanted_base}",
        *(f"--label={key}={value}" for key, value in labels.items()),
        f"--tag={target}", f"--tag=eager-{name}:latest",
        f"--file={ROOT / image.dockerfile}", str(context),
        failure=f"the image {name} cannot be built",
    )  # fmt: skip
    shutil.rmtree(context)
    write_sbom(name)
    return True


def local_base(say: Say) -> str:
    """The name of a base image made by debootstrap; makes it in Docker if it does not exist.

    Raises:
        EagerError: debootstrap is missing or fails (it needs root).
    """
    if _label("docker", LOCAL_BASE, "") is not None:
        return LOCAL_BASE
    if shutil.which("debootstrap") is None or os.geteuid() != 0:
        raise EagerError("base local: needs root and the program debootstrap")
    say(f"making {LOCAL_BASE} from Debian's packages")
    root, archive = ROOT / "build/base", ROOT / "build/base.tar"
    try:
        _run(
            "debootstrap", "--variant=minbase", "--include=python3,python3-pip,ca-certificates",
            "bookworm", str(root), failure="debootstrap fails",
        )  # fmt: skip
        _run("tar", "-C", str(root), "-cf", str(archive), ".", failure="no base")
        _run("docker", "import", str(archive), LOCAL_BASE, failure="no base")
    finally:
        shutil.rmtree(root, ignore_errors=True)
        archive.unlink(missing_ok=True)
    return LOCAL_BASE


def write_sbom(name: ImageName) -> Path:
    """Write build/sbom/eager-{name}.cdx.json, CycloneDX, of the packages that its locks put in.

    Raises:
        EagerError: cyclonedx-bom fails.
    """
    path = ROOT / f"build/sbom/eager-{name}.cdx.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        " ".join([f"{package}=={pinned}", *(f"--hash={value}" for value in hashes)])
        for package, (pinned, hashes) in sorted(pins(name).items())
    ]
    answer = subprocess.run(
        [
            sys.executable, "-m", "cyclonedx_py", "requirements", "--output-reproducible",
            "--output-format", "JSON", "--output-file", str(path), "-",
        ],
        input="\n".join(lines), text=True, encoding="utf-8", capture_output=True, check=False,
    )  # fmt: skip
    if answer.returncode != 0:
        raise EagerError(f"no SBOM of {name}: {answer.stderr.strip()[-500:]}")
    return path


def image_record(name: ImageName, base: str) -> dict[str, object]:
    """The description of an image that lies inside it, at IMAGE_RECORD."""
    return {
        "name": name,
        "recipe": identity(name),
        "base": base,
        "locks": lock_hashes(read_images()[name].locks),
        "packages": {package: pinned for package, (pinned, _) in sorted(pins(name).items())},
    }


def _make_context(name: ImageName, image: Image, base: str, context: Path, say: Say) -> None:
    shutil.rmtree(context, ignore_errors=True)
    (context / "wheels").mkdir(parents=True)
    for lock in image.locks:
        for wheel in _wheels(ROOT / lock, image.python, say).glob("*.whl"):
            target = context / "wheels" / wheel.name
            if not target.exists():
                os.link(wheel, target)
    record = json.dumps(image_record(name, base), indent=2)
    (context / "image.json").write_text(record + "\n", encoding="utf-8")
    (context / "eager").write_text(COMMAND_SCRIPT, encoding="utf-8")


def _wheels(lock: Path, python: str, say: Say) -> Path:
    """Folder with the wheels of a lock file, hashes checked; fetched once per content."""
    text = without_comments(lock.read_text(encoding="utf-8"))
    digest = hashlib.sha256(f"{python}\n{text}".encode()).hexdigest()[:16]
    folder = ROOT / "build/wheels" / f"{lock.stem}-{digest}"
    if folder.is_dir():
        return folder
    say(f"fetching the wheels of {lock.name}")
    unfinished = folder.with_name(folder.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    if python == platform.python_version().rpartition(".")[0]:
        way = ["wheel", "--wheel-dir", str(unfinished)]
    else:
        way = [
            "download", "--dest", str(unfinished), "--only-binary=:all:",
            f"--python-version={python}", "--platform=manylinux_2_28_x86_64",
            "--platform=manylinux2014_x86_64", "--platform=manylinux_2_17_x86_64",
        ]  # fmt: skip
    if lock.stem == "torch-cpu":
        way += ["--retries=1", "--timeout=20", f"--extra-index-url={TORCH_INDEX}"]
    _run(
        sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *way,
        "--no-deps", "--require-hashes", "--requirement", str(lock),
        failure=f"the wheels of {lock} for Python {python} cannot be fetched",
    )  # fmt: skip
    unfinished.rename(folder)
    return folder


def _fetch_deb(package: str, digest: str, folder: Path, run: list[str], base: str) -> None:
    """A Debian package (name=version), by this machine's apt or else by that of the base image."""
    folder.mkdir(exist_ok=True)
    inside = f"apt-get update --quiet && apt-get download --quiet {package}"
    ways = [["apt-get", "download", "--quiet", package]] if shutil.which("apt-get") else []
    ways.append([*run, f"--volume={folder}:/debs", "--workdir=/debs", base, "sh", "-c", inside])
    for command in ways:
        subprocess.run(command, cwd=folder, capture_output=True, check=False)
        for file in folder.glob("*.deb"):
            if sha256_file(file) == digest:
                return
            file.unlink()
    raise EagerError(
        f"{IMAGES_FILE}: neither this machine's apt nor that of {base} has the Debian package "
        f"{package} with the sha256 {digest}; write a version that is there"
    )


def _labels(name: ImageName, base: str) -> dict[str, str]:
    prefix = "org.opencontainers.image"
    return {
        f"{prefix}.title": f"eager-{name}",
        f"{prefix}.version": version("eager-repro"),
        f"{prefix}.revision": code_state()["commit"] or "unknown",
        f"{prefix}.base.name": base.partition("@")[0],
        f"{prefix}.base.digest": base.partition("@")[2] or "local",
        f"{LABEL}.recipe": identity(name),
        f"{LABEL}.base": base,
    }


def _label(engine: ContainerEngine, image: str, label: str) -> str | None:
    """A label of an image, empty if it has none; None without the image."""
    found = inspect_image(engine, image)
    return None if found is None else labels_of(found).get(label, "")


def _run(*command: str, failure: str) -> None:
    answer = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if answer.returncode != 0:
        said: Sequence[str] = (answer.stdout + answer.stderr).strip().splitlines()
        raise EagerError(f"{failure}: {' '.join(command[:3])} says\n" + "\n".join(said[-15:]))
