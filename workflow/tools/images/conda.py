"""Conda environments of the same packages as the images, for `--software-deployment-method conda`.

Conda brings Python; a script that Snakemake runs then brings the packages of the lock files, with
their hashes. They stand there because Snakemake keeps the other file in the record of each job.
"""

from __future__ import annotations

from pathlib import Path

from eager.containers.recipes import ImageName, pins, read_images
from tools.images.build import TORCH_INDEX

ENVIRONMENTS: tuple[ImageName, ...] = ("stages", "generate-cpu")
"""Images with a conda equivalent: the CUDA image's packages come from its base, not from a lock."""


ENVIRONMENT = """channels:
  - conda-forge
  - nodefaults
dependencies:
  - python={python}
  - pip
"""


def environments(root: Path) -> dict[Path, str]:
    """Path and text of each conda environment of the repository `root`, and of its script."""
    found = {}
    for name in ENVIRONMENTS:
        image = read_images(root)[name]
        made = f"# Made by `make lock` from {', '.join(image.locks)}; do not edit.\n"
        found[root / f"envs/{name}.yaml"] = made + ENVIRONMENT.format(python=image.python)
        found[root / f"envs/{name}.post-deploy.sh"] = made + _script(name, root)
    return found


def _script(name: ImageName, root: Path) -> str:
    packages = sorted(pins(name, root).items())
    index = any(pin.version.endswith("+cpu") for _, pin in packages)
    lines = [
        " ".join([f"{package}=={pin.version}", *(f"--hash={value}" for value in pin.hashes)])
        for package, pin in packages
    ]
    options = "--no-deps --require-hashes" + f" --extra-index-url {TORCH_INDEX}" * index
    return "\n".join([f"pip install {options} -r /dev/stdin <<'LOCK'", *lines, "LOCK", ""])
