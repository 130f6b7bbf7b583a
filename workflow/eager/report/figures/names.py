"""Names and titles of the figures, for callers that need nothing else."""

from __future__ import annotations

from eager.config.experiment import ResolvedExperiment

TITLES = {
    "pass_at_k": "Pass@k against tokens",
    "cons_at_max": "Cons@max against tokens",
    "equal_tokens": "Difference from Full Parallel at equal tokens",
    "tokens": "Tokens per method",
    "sequences": "Sequences per prompt",
    "branches": "Where branches happen",
    "entropy_accuracy": "Entropy and accuracy",
    "branch_tokens": "Tokens branched on most",
}
"""Figure -> title, in the order of the page."""
FOREST = "equal_tokens"
"""Drawn once more for the whole experiment, by the step that writes the tables."""


def figure_names(experiment: ResolvedExperiment, kind: str) -> list[str]:
    """Files of all figures in the folder of an experiment, in the order of the page.

    Args:
        experiment: the experiment.
        kind: svg or png.
    """
    cells = [target.cell for target in experiment.targets]
    groups = dict.fromkeys((cell["model"], cell["dataset"]) for cell in cells)
    several = [f"figures/{FOREST}.{kind}"] if len(groups) > 1 else []
    return several + [f"figures/{m}/{d}/{name}.{kind}" for m, d in groups for name in TITLES]
