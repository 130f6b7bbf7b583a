"""Settings of the sandbox."""

from __future__ import annotations

import os
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

EngineName = Literal["docker", "podman", "apptainer", "bubblewrap"]

EngineChoice = Literal["auto", EngineName]

VERDICT_LIMITS = {
    "memory_bytes",
    "output_bytes",
    "min_time_limit",
    "time_limit_factor",
    "max_total_seconds",
}
"""The settings that a verdict depends on; the others say where and how fast it is made."""

DEFAULT_IMAGE = "eager-evaluate:latest"


class SandboxSettings(BaseModel):
    """How solutions are run. There is no setting that runs them without a sandbox."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    engine: EngineChoice = Field(
        default="auto",
        description="The container engine; auto takes the strongest that works here.",
    )
    image: str = Field(
        default=DEFAULT_IMAGE,
        description="Image for docker and podman, path of a .sif file for apptainer; "
        "bubblewrap uses the Python that runs the pipeline.",
    )
    runtime: str | None = Field(
        default=None, description="OCI runtime for docker or podman, for instance runsc (gVisor)."
    )
    workers: int = Field(
        default=0,
        ge=0,
        le=256,
        description="Containers at a time, one core each; 0: as many as the step has cores (in the "
        "workflow half of the machine).",
    )
    memory_bytes: int = Field(
        default=4 << 30, ge=256 << 20, description="Memory of a solution; evalplus allows 4 GiB."
    )
    output_bytes: int = Field(
        default=64 << 20,
        ge=1 << 16,
        description="What a solution may send back in one run, on top of twice what the reference "
        "does.",
    )
    min_time_limit: float = Field(
        default=1.0,
        gt=0,
        description="CPU seconds that every call may take, whatever the reference took.",
    )
    time_limit_factor: float = Field(
        default=4.0, gt=0, description="A call may take this many times the reference's CPU time."
    )
    max_total_seconds: float = Field(
        default=60.0,
        gt=0,
        description="Cap on one run, in CPU seconds: all base or all plus inputs of a task.",
    )
    sanitize_seconds: float = Field(
        default=60.0, gt=0, description="CPU seconds for finding the code in a model's text."
    )

    def worker_count(self) -> int:
        """Containers to run at a time."""
        return self.workers or len(os.sched_getaffinity(0))
