"""The two rules side by side: the method as described, and what the authors' program does.

A rule is a set of points, each of which can be switched on by itself. The letters are those of
`workflow/report/deviations.md`, which says what each point changes, and by how much. The letters
that are missing here are no switches: E (text tokenised again at each step) is not imitated; H
(saturated means 32 sequences) is M in both rules, which is the same at the paper's M = 32; I and J
concern the grading and the choice of theta; K (thresholds of later rounds) both rules follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RuleName = Literal["described", "authors"]


@dataclass(frozen=True, slots=True)
class Points:
    """What a rule does otherwise than the method as described; none of it by default."""

    fork_counts_twice: bool = False
    """A. A branch's entropy enters the percentile's history for the parent and for the child."""

    cap_counts_places: bool = False
    """B. A sequence may branch if the sequences active when the step began, plus its place among
    them (from 0), are fewer than M; sequences created in the step do not count."""

    ends_drawn_again: bool = False
    """C. While the prompt branches, an end of sequence leaves the sequence as it is: its entropy is
    recorded, the next step draws again and may draw another token or branch. A token that a branch
    forces never ends a sequence."""

    ended_are_active: bool = False
    """D. Sequences that have ended count as active in B."""

    limit_counts_steps: bool = False
    """F. The token limit counts steps of the prompt, not tokens of a sequence."""

    round_may_fill_share: bool = False
    """G. A budgeted round may grow to the prompt's whole share, not to what is left of it."""

    unsolved_share_alike: bool = False
    """L. Full EAGer distributes the budget equally over all unsolved prompts, where the method
    serves those that reached M first; either way these take the remainder first."""

    sampled_token_in_entropy: bool = False
    """N. A sampled token that is not among the top K counts in the entropy as one more."""

    only_think_marker: bool = False
    """O. Nothing but `</think>` ends the thinking, whatever the model's own marker is."""


RULES: dict[RuleName, Points] = {
    "described": Points(),
    "authors": Points(
        fork_counts_twice=True,
        cap_counts_places=True,
        ends_drawn_again=True,
        ended_are_active=True,
        limit_counts_steps=True,
        round_may_fill_share=True,
        unsolved_share_alike=True,
        sampled_token_in_entropy=True,
        only_think_marker=True,
    ),
}
DESCRIBED, AUTHORS = RULES["described"], RULES["authors"]
