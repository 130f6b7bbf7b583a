"""containers/images.yaml against the repository's files and the images on this machine."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from eager.containers.engine import find_image, labels_of
from eager.containers.recipes import (
    IMAGES_FILE,
    ROOT,
    Built,
    Image,
    ImageName,
    identity,
    lock_hashes,
    read_images,
    reference,
)
from eager.containers.settings import ContainerEngine
from eager.util.files import write_text
from tools.images.build import LABEL

HEADER = """\
# The images: what each is made of, what was built and published. Base, python and the names of the
# locks are written by hand, the rest by `make lock`; `python -m tools.images verify` says what
# differs. See containers/README.md.
"""


def compare_files(root: Path = ROOT) -> list[str]:
    """Differences between containers/images.yaml and the files it describes, one line each."""
    differences = []
    for name, image in read_images(root).items():
        text = (root / image.dockerfile).read_text("utf-8")
        default = dict(re.findall(r"^ARG (\w+)=(\S+)$", text, flags=re.MULTILINE)).get("BASE")
        if default != image.base:
            differences.append(
                f"{name}: {image.dockerfile} has the base {default}, {IMAGES_FILE} {image.base}"
            )
        differences += [
            f"{name}: {lock} is not what {IMAGES_FILE} records: make images, make lock"
            for lock, digest in lock_hashes(image.locks, root).items()
            if digest != image.locks[lock]
        ]
        if identity(name, root) != image.recipe:
            differences.append(
                f"{name}: its recipe is {identity(name, root)[:16]}, {IMAGES_FILE} records "
                f"{(image.recipe or 'none')[:16]}"
            )
    return differences


def compare_images(engine: ContainerEngine, root: Path = ROOT) -> list[str]:
    """What differs between containers/images.yaml and the engine's images, one line per difference.

    Args:
        engine: docker or podman.
        root: the repository.

    Raises:
        EagerError: the engine does not answer.
    """
    differences = []
    for name, image in read_images(root).items():
        found = find_image(engine, name, root)
        if found is None:
            differences.append(f"{name}: {reference(name, root)} is not on this machine")
            continue
        labels, image_id = labels_of(found), found["Id"]
        if labels.get(f"{LABEL}.recipe") != identity(name, root):
            differences.append(
                f"{name}: {reference(name, root)} says it is of recipe "
                f"{labels.get(f'{LABEL}.recipe', 'none')[:16]}; the name was moved by hand"
            )
        if labels.get(f"{LABEL}.base") != image.base:
            differences.append(
                f"{name}: built on {labels.get(f'{LABEL}.base')}, not on {image.base}"
            )
        if image.built is not None and image_id != image.built.id:
            differences.append(f"{name}: {image_id} is here, {image.built.id} is recorded")
        digests = found.get("RepoDigests") or []
        if image.published is not None and digests and image.published not in digests:
            differences.append(
                f"{name}: {', '.join(digests)} is here, {image.published} is published"
            )
    return differences


def record(engine: ContainerEngine | None, root: Path = ROOT) -> None:
    """Bring containers/images.yaml up to date.

    Args:
        engine: docker or podman, for digests of images of the present recipe; None: files only.
            The record of an image that is not on this machine stays if its recipe is unchanged.
        root: the repository.
    """
    entries: dict[ImageName, Image] = {}
    for name, image in read_images(root).items():
        recipe = identity(name, root)
        kept = image if image.recipe == recipe else None
        entry = {
            **image.model_dump(),
            "locks": lock_hashes(image.locks, root),
            "recipe": recipe,
            "built": kept.built if kept else None,
            "published": kept.published if kept else None,
        }
        found = None if engine is None else find_image(engine, name, root)
        if found is not None:
            base = labels_of(found).get(f"{LABEL}.base", "unknown")
            entry["built"] = Built(id=found["Id"], base=base)
            digests = found.get("RepoDigests") or []
            entry["published"] = digests[0] if digests else entry["published"]
        entries[name] = Image.model_validate(entry)
    content = {"images": {name: image.model_dump() for name, image in entries.items()}}
    body = yaml.safe_dump(content, sort_keys=False, width=200)
    write_text(root / IMAGES_FILE, HEADER + body)
