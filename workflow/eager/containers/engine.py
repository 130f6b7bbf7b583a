"""The command line of Docker and Podman."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from eager.containers.recipes import ROOT, ImageName, identity, read_images, reference
from eager.containers.settings import ContainerEngine
from eager.util.errors import EagerError


def run_engine(engine: ContainerEngine, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the engine to its end, whatever its exit status.

    Raises:
        EagerError: its program is missing.
    """
    try:
        return subprocess.run(
            [engine, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
    except FileNotFoundError:
        raise EagerError(f"the program {engine} is missing; install it") from None


def ask_engine(engine: ContainerEngine, *words: str) -> str:
    """What a command of the engine prints.

    Raises:
        EagerError: its program is missing or the command fails.
    """
    answer = run_engine(engine, *words)
    if answer.returncode != 0:
        raise EagerError(f"the container engine refuses: {answer.stderr.strip()}")
    return answer.stdout


def find_image(
    engine: ContainerEngine, name: ImageName, root: Path = ROOT
) -> dict[str, Any] | None:
    """The engine's image of the current recipe: built here, or pulled by its published digest.

    Returns:
        What `docker image inspect` says of it; None: there is none.

    Raises:
        EagerError: the engine does not answer.
    """
    entry = read_images(root)[name]
    published = entry.published if entry.recipe == identity(name, root) else None
    for candidate in filter(None, [reference(name, root), published]):
        found = inspect_image(engine, candidate)
        if found is not None:
            return found
    return None


def inspect_image(engine: ContainerEngine, image: str) -> dict[str, Any] | None:
    """What the engine says of an image; None: it has none of that name.

    Raises:
        EagerError: the engine does not answer.
    """
    answer = run_engine(engine, "image", "inspect", image)
    if answer.returncode != 0:
        ask_engine(engine, "info")
        return None
    (found,) = json.loads(answer.stdout)
    # Podman leaves the kind of hash out.
    return {**found, "Id": f"sha256:{found['Id'].removeprefix('sha256:')}"}


def labels_of(image: dict[str, Any]) -> dict[str, str]:
    """Labels of an image, as `inspect_image` gives it."""
    return image["Config"].get("Labels") or {}
