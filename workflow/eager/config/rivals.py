"""Settings of the simple rivals; apart from those of generation, which they do not touch."""

from __future__ import annotations

from pydantic import Field

from eager.config.settings import StrictModel


class RivalSettings(StrictModel):
    """Simple rivals that stop sampling early; derived from Full Parallel's samples."""

    window: int = Field(
        default=4, ge=2, description="samples that early_stopping draws at once and that must agree"
    )
    confidence: float = Field(
        default=0.95,
        gt=0.5,
        lt=1,
        description="the leading answer's probability of being the majority at which "
        "adaptive_consistency stops",
    )


USUAL = RivalSettings()
"""Where an experiment does not say otherwise."""
