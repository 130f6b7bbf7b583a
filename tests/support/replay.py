"""Recorded entropies of the authors' program, decided on again by a rule, a step at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eager.algorithm.branching import BranchingRule, Observation, PromptTree
from eager.algorithm.rules import Points
from tests.support.authors_runs import RecordedPrompt

END = 0
UNNAMED = 1
"""Token of a step whose token the files do not name; that the text went on is all they say."""


@dataclass(frozen=True)
class Decision:
    """A branch, as a rule decides on it or as it is recorded; tokens as texts."""

    step: int
    parent: int
    place_in_step: int
    tokens: tuple[str, str, str]
    entropy: float
    threshold: float


class RoundReplay:
    """One round: the recorded sequences from `first` on, the recorded branches from `record` on.

    Args:
        prompt: the recorded prompt.
        first: index of the round's root among the prompt's sequences.
        record: index of the first of the round's branches among the prompt's.
        cap: M of the round.
        theta: threshold of the round, in nats.
        steps: that the round had at most.
        points: of the rule.
    """

    def __init__(
        self,
        prompt: RecordedPrompt,
        first: int,
        record: int,
        *,
        cap: int,
        theta: float,
        steps: int,
        points: Points,
    ) -> None:
        self._lists = prompt.entropies[first:]
        self._records = _until_next_round(prompt.branches[record:])
        self._names = ["", ""]
        rule = BranchingRule(
            max_sequences=cap,
            entropy_threshold=theta,
            threshold_percentile=99,
            max_steps_without_branch=1000,
            max_tokens=steps,
            end_of_sequence=frozenset({END}),
            points=points,
        )
        self.tree = PromptTree(rule)
        while self.tree.branching and self.tree.live:
            self.tree.observe(self._step())

    @property
    def decisions(self) -> list[Decision]:
        """What the rule decided."""
        return [
            Decision(
                b.step,
                b.parent,
                sum(other.step < b.step for other in self.tree.branches) + 1 + b.parent,
                (self._names[b.sampled], self._names[b.kept], self._names[b.forked]),
                b.entropy,
                b.threshold,
            )
            for b in self.tree.branches
        ]

    def recorded(self, count: int) -> list[Decision]:
        """The first recorded branches of the round."""
        return [
            Decision(
                r["gen_step"],
                r["seq_idx"],
                r["new_seq_idx"],
                (r["auto_selected_token"], r["man_token_original"], r["man_token_branch"]),
                r["entropy"],
                r["entropy_threshold"],
            )
            for r in self._records[:count]
        ]

    def steps_recorded(self) -> list[int]:
        """Of each sequence of the round, for how many steps its prompt branched."""
        lists = self._lists[: len(self.tree.sequences)]
        return [sum(entropy != -2.0 for entropy in entropies) for entropies in lists]

    def _step(self) -> list[Observation]:
        return [
            self._observation(index)
            for index, sequence in enumerate(self.tree.sequences)
            if sequence.finish_reason is None
        ]

    def _observation(self, index: int) -> Observation:
        step = self.tree.steps
        entropies = self._lists[index] if index < len(self._lists) else []
        following = [*entropies[step : step + 2], -2.0, -2.0]
        for record in self._records:
            is_here = (record["seq_idx"], record["gen_step"]) == (index, step)
            if is_here and round(record["entropy"], 4) == following[0]:
                # The lists are rounded; the record has all digits.
                tokens = ("auto_selected_token", "man_token_original", "man_token_branch")
                named = [self._token(record[name]) for name in tokens]
                return Observation(index, named[0], record["entropy"], *named[1:])
        # The same text again, so the same entropy again: an end was drawn.
        ended = following[0] == following[1] > 0.01
        return Observation(index, END if ended else UNNAMED, following[0], UNNAMED, UNNAMED)

    def _token(self, text: str) -> int:
        self._names.append(text)
        return len(self._names) - 1


def _until_next_round(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first branch of a round is numbered 1, and no other."""
    starts = [i for i, record in enumerate(records) if record["new_seq_idx"] == 1]
    return records[: starts[1] if len(starts) > 1 else None]
