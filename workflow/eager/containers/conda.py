"""Conda environments of the same packages as the images, for `--software-deployment-method conda`.

Conda brings Python; pip brings the packages of the lock files, with their hashes.
"""

from __future__ import annotations

from pathlib import Path

from eager.containers.build import TORCH_INDEX
from eager.containers.recipes import ROOT, ImageName, pins, read_images
from eager.util.files import write_text

ENVIRONMENTS: tuple[ImageName, ...] = ("stages", "generate-cpu")
"""Images with a conda equivalent: the CUDA image's packages come from its base, not from a lock."""


def write_environments(*, check: bool, root: Path = ROOT) -> list[Path]:
    """Bring envs/{image}.yaml up to date; returns the files that were not.

    Args:
        check: leave the files as they are.
        root: the repository.
    """
    wanted = {root / f"envs/{name}.yaml": _environment(name, root) for name in ENVIRONMENTS}
    drifted = [
        path
        for path, text in wanted.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if not check:
        for path in drifted:
            write_text(path, wanted[path])
    return drifted


def _environment(name: ImageName, root: Path) -> str:
    image = read_images(root)[name]
    lines = [
        f"# Made by `eager images conda` from {', '.join(image.locks)}; do not edit.",
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
