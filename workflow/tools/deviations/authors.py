"""The points where the authors' program and the method as described differ, as generations.

A variant turns one point of `eager.algorithm.rules` on and leaves the rest as described, so that an
effect is that point's own; the last ones turn on all. Points that change nothing by themselves come
with the one they need: D with B, and F with C (ends drawn again for as long as a prompt branches
would cost a thousand steps otherwise).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eager.algorithm.allocation import Round, Share, next_round
from eager.algorithm.rules import AUTHORS, DESCRIBED, Points
from eager.config.settings import BUDGET_METHODS, Method
from eager.evaluation.statistics.metrics import SequenceResult, majority_is_correct

LITERAL_CAP = 32
"""What the authors' EAGer-adapt compares a prompt's sequences with, whatever M is (H)."""


@dataclass(frozen=True)
class Variant:
    """A generation to record and replay.

    Attributes:
        name: of the variant.
        method: the method it varies.
        points: what it does as the authors' program does.
        initial: the variant whose saved budget it spends.
        theta: threshold in nats, if it is another than the demo's.
    """

    name: str
    method: Method
    points: Points = DESCRIBED
    initial: str = "eager_init"
    theta: float | None = None

    @property
    def budgeted(self) -> bool:
        """Whether it spends the budget that EAGer-init saved."""
        return self.method in BUDGET_METHODS


ALL = "eager_init, all points"
ONE_POINT = {
    "A": Points(fork_counts_twice=True),
    "B": Points(cap_counts_places=True),
    "B, D": Points(cap_counts_places=True, ended_are_active=True),
    "C, F": Points(ends_drawn_again=True, limit_counts_steps=True),
    "N": Points(sampled_token_in_entropy=True),
}
"""Points of a round, by their letters."""
OF_BUDGETS = {
    ("eager_adapt", "G"): Points(round_may_fill_share=True),
    ("eager", "G"): Points(round_may_fill_share=True),
    ("eager", "L"): Points(unsolved_share_alike=True),
}
"""Points of the budgeted methods, by method and letter."""
THETAS = (0.8, 1.2, 1.5)
"""Thresholds of EAGer-init besides the demo's, to see what choosing among them is worth."""

VARIANTS = {
    variant.name: variant
    for variant in (
        Variant("parallel", "parallel"),
        *(Variant(method, method) for method in ("eager_init", "eager_adapt", "eager")),
        *(
            Variant(f"eager_init, {letters}", "eager_init", points)
            for letters, points in ONE_POINT.items()
        ),
        Variant(ALL, "eager_init", AUTHORS),
        *(
            Variant(f"{method}, {letter}", method, points)
            for (method, letter), points in OF_BUDGETS.items()
        ),
        *(
            Variant(f"{method}, all points", method, AUTHORS, ALL)
            for method in ("eager_adapt", "eager")
        ),
        *(Variant(f"eager_init, theta {t:g}", "eager_init", theta=t) for t in THETAS),
    )
}


def rounds_of(variant: Variant, share: Share, theta: float) -> Callable[[int, int], Round | None]:
    """The budgeted rounds of a prompt, as `Decoder.run` asks for them."""
    return lambda finished, generated: next_round(share, generated, finished, theta, variant.points)


def majority_with_empty_votes(sequences: Sequence[SequenceResult]) -> bool:
    """Whether the most frequent answer is right when "no answer" is a candidate like any other."""
    return majority_is_correct(
        [s._replace(candidate=-1) if s.candidate is None else s for s in sequences]
    )
