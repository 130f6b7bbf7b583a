"""Names that the configuration and the images share."""

from __future__ import annotations

from typing import Literal

ContainerEngine = Literal["docker", "podman"]
ContainerRuntime = Literal["none", "docker", "podman", "apptainer"]
GenerateImage = Literal["generate", "generate-cpu"]
RUNTIME_VARIABLE = "EAGER_CONTAINER_RUNTIME"
"""Passes the runtime to the launcher of a job: not by params, which would rerun the job."""
SOFTWARE_VARIABLE = "EAGER_SOFTWARE"
"""Passes to a step, for run.json, a description of its container (see `provenance`)."""
IMAGE_RECORD = "/opt/eager/image.json"
"""In an image: its name, recipe, base, lock hashes and packages."""
PASSED_TO_FETCHES = (
    "HF_TOKEN", "HF_ENDPOINT", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
    "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip
"""Variables that a step which fetches something may need."""
