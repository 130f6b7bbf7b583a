"""The points where the authors' code and the paper's method differ, as variants of ours.

Written from the description of their behaviour, none of their code is here. A variant changes one
point and leaves the rest as ours, so that an effect is that point's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from eager.algorithm.allocation import (
    BudgetMethod,
    InitialResult,
    Round,
    Share,
    next_round,
    saved_budget,
    share_out,
)
from eager.algorithm.branching import Branch, Observation, PromptTree
from eager.algorithm.branching import Sequence as TreeSequence
from eager.config.settings import BUDGET_METHODS, Method
from eager.evaluation.metrics import SequenceResult, majority_is_correct

LITERAL_CAP = 32
"""What the authors' allocation compares a prompt's sequences with, whatever M is."""


@dataclass(frozen=True)
class Variant:
    """A generation to record and replay.

    Attributes:
        name: of the variant.
        method: whose rule it varies.
        tree: EAGer-init's rule.
        with_sampled: the entropy includes a sampled token that is not among the top K.
        overshoots: a round is capped at M only, not at what is left of the share.
        literal_cap: saturation is a matter of 32 sequences, not of M.
    """

    name: str
    method: Method
    tree: type[PromptTree] = PromptTree
    with_sampled: bool = False
    overshoots: bool = False
    literal_cap: bool = False

    @property
    def budgeted(self) -> bool:
        """Whether it spends the budget that EAGer-init saved."""
        return self.method in BUDGET_METHODS


class HalfCapTree(PromptTree):
    """EAGer-init where the cap test counts the step's start twice.

    It adds the sequences handled so far in the step (with their children) to those the step began
    with. Up to M/2 sequences any one of them may branch; past it only the earlier ones may.
    """

    def observe(self, step: Iterable[Observation]) -> list[Branch]:
        """See `PromptTree.observe`."""
        rows = list(step)
        self._handled = {row.sequence: number for number, row in enumerate(rows)}
        return super().observe(rows)

    def _may_branch(self, sequence: TreeSequence, observation: Observation) -> bool:
        counted = len(self.sequences) + self._handled[observation.sequence]
        return counted < self.rule.max_sequences and super()._may_branch(sequence, observation)


VARIANTS = {
    variant.name: variant
    for variant in (
        Variant("parallel", "parallel"),
        Variant("eager_init", "eager_init"),
        Variant("eager_adapt", "eager_adapt"),
        Variant("eager", "eager"),
        Variant("eager_init, cap counted twice", "eager_init", tree=HalfCapTree),
        Variant("eager_init, sampled token in H", "eager_init", with_sampled=True),
        Variant("eager_adapt, last round uncut", "eager_adapt", overshoots=True),
        Variant("eager, literal 32", "eager", literal_cap=True),
    )
}


def rounds_of(
    variant: Variant, share: Share, theta: float, max_sequences: int
) -> Callable[[int, int], Round | None]:
    """The budgeted rounds of a prompt, as `Decoder.run` asks for them."""

    def rounds(finished: int, generated: int) -> Round | None:
        found = next_round(share, generated, finished, theta)
        if found is None or not variant.overshoots:
            return found
        return replace(found, max_sequences=max_sequences)

    return rounds


def shares_by_literal(
    method: BudgetMethod, initial: Sequence[InitialResult], max_sequences: int
) -> list[Share]:
    """The shares where a prompt counts as saturated from 32 sequences on.

    Args:
        method: who may get a share.
        initial: what EAGer-init left, a prompt each.
        max_sequences: M.
    """
    saturated = [result.sequences >= LITERAL_CAP for result in initial]
    budget = saved_budget(initial, max_sequences)
    shares = share_out(method, initial, saturated, budget, max_sequences)
    return [
        Share(r.prompt_id, r.sequences, full, r.solved, share or 0, "literal 32")
        for r, full, share in zip(initial, saturated, shares, strict=True)
    ]


def majority_with_empty_votes(sequences: Sequence[SequenceResult]) -> bool:
    """Whether the most frequent answer is right when "no answer" is a candidate like any other."""
    return majority_is_correct(
        [s._replace(candidate=-1) if s.candidate is None else s for s in sequences]
    )
