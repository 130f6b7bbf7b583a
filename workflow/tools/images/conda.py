"""Conda environments of the same packages as the images, for `--software-deployment-method conda`.

Conda brings Python; pip brings the packages of the lock files, with their hashes.
"""

from __future__ import annotations

from pathlib import Path

from eager.containers.recipes import ImageName, pins, read_images
from tools.images.build import TORCH_INDEX

ENVIRONMENTS: tuple[ImageName, ...] = ("stages", "generate-cpu")
"""Images with a conda equivalent: the CUDA image's packages come from its base, not from a lock."""


def environments(root: Path) -> dict[Path, str]:
    """Path and text of each conda environment, envs/{image}.yaml of the repository `root`."""
    return {root / f"envs/{name}.yaml": _environment(name, root) for name in ENVIRONMENTS}


def _environment(name: ImageName, root: Path) -> str:
    image = read_images(root)[name]
    lines = [
        f"# Made by `make lock` from {', '.join(image.locks)}; do not edit.",
        "# Packages that the locks leave out on purpose stay out: set PIP_NO_DEPS=1.",
        "channels:",
        "  - conda-forge",
        "  - nodefaults",
        "dependencies:",
        f"  - python={image.python}",
        "  - pip",
        "  - pip:",
    ]
    packages = pins(name, root)
    if any(version.endswith("+cpu") for version, _ in packages.values()):
        lines.append(f"      - --extra-index-url {TORCH_INDEX}")
    for package, (version, hashes) in sorted(packages.items()):
        words = [f"{package}=={version}", *(f"--hash={value}" for value in hashes)]
        lines.append(f"      - {' '.join(words)}")
    return "\n".join(lines) + "\n"
