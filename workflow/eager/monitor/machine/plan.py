"""What the paper's plan takes on this machine, by `eager estimate`."""

from __future__ import annotations

from collections.abc import Mapping

from eager.config.load import load_experiment, read_yaml
from eager.monitor.estimate import estimate
from eager.monitor.history import prompts_of
from eager.monitor.knowledge import KNOWN
from eager.monitor.machine.speed import (
    PAPER_MODELS,
    Suggestion,
    fastest,
    hours_line,
    mean_length,
    options_lines,
)
from eager.monitor.machine.verdicts import Line
from eager.monitor.speeds import speeds_of
from eager.report.tables.published import PublishedFigures, read_published
from eager.util.files import REPOSITORY

PLAN = REPOSITORY / "config/paper.yaml"


def options(gpu_bytes: int, gpus: int) -> tuple[list[Line], dict[str, Suggestion]]:
    """Engine options for each of the paper's models on GPUs of so many bytes."""
    return options_lines(gpu_bytes, gpus, _published())


def hours(chosen: Mapping[str, Suggestion], bandwidth: float, load_seconds: float) -> Line:
    """GPU hours of the paper's plan at the fastest that the memory's bandwidth allows.

    Args:
        chosen: options of each model that fits.
        bandwidth: bytes per second of one GPU's memory.
        load_seconds: to load the demo's model, the least that another takes.
    """
    published = _published()
    given = {
        name: fastest(PAPER_MODELS[name], bandwidth, choice, mean_length(name, published))
        for name, choice in chosen.items()
    }
    experiment = load_experiment(read_yaml(PLAN), str(PLAN))
    prompts = {name: prompts_of(name, entry) for name, entry in experiment.datasets.items()}
    costs = estimate(
        experiment,
        [],
        published,
        prompts,
        speeds_of(experiment.models, [], given, load_seconds),
    )
    known = [c.gpu_hours for c in costs if c.gpu_hours is not None and c.basis in KNOWN]
    return hours_line(sum(known) if known else None, len(costs) - len(known), given)


def _published() -> list[PublishedFigures]:
    return read_published(REPOSITORY / "config/published.csv")
