"""What the figures of an estimate rest on, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eager.progress.estimate import Cost
from eager.progress.knowledge import BYTES_PER_TOKEN
from eager.progress.speeds import Speed, gpu_hours


def assumptions(
    costs: Sequence[Cost],
    speeds: Mapping[str, Speed],
    max_num_seqs: int,
    snapshot_steps: int,
    *,
    timed: bool,
) -> list[str]:
    """What the figures rest on.

    Args:
        costs: of each result.
        speeds: of each model.
        max_num_seqs: sequences that a job decodes at once.
        snapshot_steps: steps of a prompt between two states that are kept.
        timed: whether the time to the end is told.
    """
    models = list(dict.fromkeys(cost.cell["model"] for cost in costs))
    return [
        *(speeds[model].source for model in models),
        *_of_counts(costs),
        *_of_sharing(costs),
        _NAIVELY,
        *_of_interruption(costs, speeds, max_num_seqs, snapshot_steps),
        *([_OF_TIME] if timed else []),
        (
            f"disk: the size of former results, else {BYTES_PER_TOKEN} bytes per generated token "
            "(id, entropy, text) before compression; models, data sets and the store are not "
            "counted"
        ),
    ]


_NAIVELY = (
    "run naively: every sample drawn again for each M, and EAGer-init for each budgeted method "
    "where the tokens of both are measured here"
)
_OF_TIME = (
    "time to the end: the GPUs run nothing else, shards of a result take equally long, a job has "
    "the full speed from its first to its last token; evaluation, downloads and waiting for a "
    "cluster are not counted"
)


def _of_counts(costs: Sequence[Cost]) -> list[str]:
    used = {cost.basis for cost in costs}
    told = []
    if published := used & {"published", "guess"}:
        told.append(
            "published counts are the authors': once a prompt has stopped branching they count "
            "words, so that true tokens of the EAGer methods are more (up to about twice); they "
            "were made by the authors' rule at a theta that is not published, and are a guess for "
            "the rule `described`"
        )
    if published:
        told.append(
            "published counts of eager_adapt and eager may hold an EAGer-init of their own, which "
            "is shared here: they are counted in full, and nothing is counted as saved"
        )
    if "measured at another M" in used:
        told.append("tokens of Full Parallel grow in proportion to M")
    if "guess" in used:
        told.append(
            "published counts, guessed from one another, are off by up to a fifth from another M, "
            "3.6 times from another model or data set and 4.8 times from both: run one cell first"
        )
    if "unknown" in used:
        told.append("nothing is known that results from unknown could be guessed from")
    return told


def _of_sharing(costs: Sequence[Cost]) -> list[str]:
    if all(len(cost.caps) == 1 for cost in costs):
        return []
    return ["samples of Full Parallel at several M are generated once, for the largest M"]


def _of_interruption(
    costs: Sequence[Cost],
    speeds: Mapping[str, Speed],
    max_num_seqs: int,
    snapshot_steps: int,
) -> list[str]:
    """The most that an interrupted job generates again, over the jobs that are still to run."""
    lost = [
        (min(snapshot_steps * max_num_seqs, cost.tokens / (cost.loads or cost.jobs)), cost)
        for cost in costs
        if cost.basis != "done" and cost.tokens is not None
    ]
    if not lost:
        return []
    hours = [
        found
        for tokens, cost in lost
        if (found := gpu_hours(tokens, speeds[cost.cell["model"]], 1, cost.gpus)) is not None
    ]
    told = f"; with a load up to {max(hours):,.2f} GPU hours" if hours else ""
    most = max(tokens for tokens, _ in lost) / 1e6
    return [
        (
            f"interruptions are not counted: an interrupted job loses at most {snapshot_steps:,} "
            f"steps of each prompt under way, here up to {most:,.2f} million tokens{told}"
        )
    ]
