"""When a prompt's sequences branch: EAGer-init's rule as a pure state machine.

A `PromptTree` is told, step by step, what the model sampled for each live sequence, and answers
which tokens stand and which new sequences are born. It knows nothing of engines, text or files.
Full Parallel is the same tree with M roots: it has no room to branch.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from collections.abc import Sequence as Row
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from eager.algorithm.entropy import RunningThreshold

FinishReason = Literal["stop", "length"]


def second_most_likely(top_tokens: Row[int]) -> Row[int]:
    """The paper's new sequence at a branch: of the top K tokens, in order, the second."""
    return top_tokens[1:2]


@dataclass(frozen=True, slots=True)
class BranchingRule:
    """The parameters of one tree.

    Attributes:
        max_sequences: M, the cap on sequences.
        entropy_threshold: theta, in nats.
        threshold_percentile: q of the dynamic threshold, in [0, 100].
        max_steps_without_branch: patience, in steps.
        max_tokens: longest sequence, in tokens from the start of the answer, inherited included.
        end_of_sequence: ids of the tokens that end a sequence.
        end_of_thinking: the marker after which a sequence no longer branches, as token ids;
            empty for a model that has none.
        children: the tokens that the new sequences of a branch take.
    """

    max_sequences: int
    entropy_threshold: float
    threshold_percentile: float
    max_steps_without_branch: int
    max_tokens: int
    end_of_sequence: frozenset[int]
    end_of_thinking: tuple[int, ...] = ()
    children: Callable[[Row[int]], Row[int]] = second_most_likely


class Observation(NamedTuple):
    """What the model made of one live sequence at one step.

    `entropy` (nats), `best` and `second` (the two most likely token ids) and `others` (the ids that
    follow them; empty where the method does not ask for them) are read only while the tree is
    branching.
    """

    sequence: int
    sampled: int
    entropy: float = 0.0
    best: int = -1
    second: int = -1
    others: Row[int] = ()


class Branch(NamedTuple):
    """One branch: at `position` the parent kept its best token and the child took the second."""

    step: int
    position: int
    parent: int
    child: int
    entropy: float
    threshold: float
    sampled: int
    kept: int
    forked: int


@dataclass(slots=True)
class Sequence:
    """One sequence of a tree; `tokens` and `entropies` are its own, without what it inherited.

    `fork_position` is the number of inherited tokens. `entropies` is shorter than `tokens` once
    the prompt has stopped branching; NaN marks a token whose entropy was not recorded.
    `branching_end` is the length of the sequence (inherited included) when the prompt stopped
    branching, or its whole length if it had finished before.
    """

    parent: int | None
    fork_position: int
    thinking: bool
    tokens: array[int] = field(default_factory=lambda: array("i"))
    entropies: array[float] = field(default_factory=lambda: array("f"))
    finish_reason: FinishReason | None = None
    branching_end: int | None = None

    @property
    def length(self) -> int:
        """Tokens from the start of the answer, inherited included."""
        return self.fork_position + len(self.tokens)


class PromptTree:
    """All sequences of one prompt in one round.

    Args:
        rule: the parameters.
        roots: fresh starts; 1 for EAGer, M for Full Parallel.
    """

    def __init__(self, rule: BranchingRule, roots: int = 1) -> None:
        self.rule = rule
        self.sequences = [Sequence(None, 0, thinking=True) for _ in range(roots)]
        self.branches: list[Branch] = []
        self.steps = 0
        self.live = roots
        self.branching = True
        self._steps_without_branch = 0
        self._threshold = RunningThreshold(rule.entropy_threshold, rule.threshold_percentile)
        if roots >= rule.max_sequences:
            self._end_branching()

    def observe(self, step: Iterable[Observation]) -> list[Branch]:
        """Take one step of the live sequences; returns the branches it made, in order.

        A sequence keeps what was sampled, except a branch's parent, which keeps the most likely
        token. Sequences that ended have a `finish_reason` afterwards.

        Args:
            step: one observation a live sequence, in order of the sequences.

        Source: the paper's algorithm for EAGer-init. The threshold is that of the entropies
        before this step.
        """
        if not self.branching:
            self.steps += 1
            for observation in step:
                self._append(self.sequences[observation.sequence], observation.sampled)
            return []
        threshold = self._threshold.value()
        made: list[Branch] = []
        recorded: list[float] = []
        for observation in step:
            sequence = self.sequences[observation.sequence]
            recorded.append(observation.entropy)
            sequence.entropies.append(observation.entropy)
            if observation.entropy > threshold and self._may_branch(sequence, observation):
                made += self._branch(sequence, observation, threshold)
            else:
                self._append(sequence, observation.sampled)
        self.steps += 1
        self._threshold.add(recorded)
        self.branches += made
        self._steps_without_branch = 0 if made else self._steps_without_branch + 1
        if (
            len(self.sequences) >= self.rule.max_sequences
            or self._steps_without_branch >= self.rule.max_steps_without_branch
        ):
            self._end_branching()
        return made

    def tokens(self, index: int) -> array[int]:
        """Token ids of a sequence from the start of the answer, inherited included."""
        sequence = self.sequences[index]
        if sequence.parent is None:
            return sequence.tokens[:]
        return self.tokens(sequence.parent)[: sequence.fork_position] + sequence.tokens

    def _may_branch(self, sequence: Sequence, observation: Observation) -> bool:
        return (
            len(self.sequences) < self.rule.max_sequences
            and observation.sampled not in self.rule.end_of_sequence
            and sequence.thinking
            and not self._completes_marker(sequence, observation.sampled)
        )

    def _branch(self, parent: Sequence, observation: Observation, threshold: float) -> list[Branch]:
        position = parent.length
        top_tokens = (observation.best, observation.second, *observation.others)
        room = self.rule.max_sequences - len(self.sequences)
        made = [
            Branch(
                step=self.steps,
                position=position,
                parent=observation.sequence,
                child=len(self.sequences) + number,
                entropy=observation.entropy,
                threshold=threshold,
                sampled=observation.sampled,
                kept=observation.best,
                forked=forked,
            )
            for number, forked in enumerate(self.rule.children(top_tokens)[:room])
        ]
        self._append(parent, observation.best if made else observation.sampled)
        for branch in made:
            child = Sequence(branch.parent, position, thinking=True)
            # Recorded once, with the parent: the child shares the distribution, not the
            # observation.
            child.entropies.append(float("nan"))
            self.sequences.append(child)
            self.live += 1
            self._append(child, branch.forked)
        return made

    def _append(self, sequence: Sequence, token: int) -> None:
        if sequence.thinking and self._completes_marker(sequence, token):
            sequence.thinking = False
        sequence.tokens.append(token)
        if token in self.rule.end_of_sequence:
            sequence.finish_reason = "stop"
        elif sequence.length >= self.rule.max_tokens:
            sequence.finish_reason = "length"
        else:
            return
        self.live -= 1
        if self.branching:
            sequence.branching_end = sequence.length

    def _completes_marker(self, sequence: Sequence, token: int) -> bool:
        marker = self.rule.end_of_thinking
        if not marker or token != marker[-1]:
            return False
        return self._tail(sequence, len(marker) - 1) == list(marker[:-1])

    def _tail(self, sequence: Sequence, count: int) -> list[int]:
        """The last `count` tokens of a sequence, inherited included (fewer at its start)."""
        own = sequence.tokens[-count:].tolist() if count else []
        if len(own) == count or sequence.parent is None:
            return own
        parent = self.tokens(sequence.parent)[: sequence.fork_position]
        return [*parent[len(own) - count :], *own]

    def _end_branching(self) -> None:
        self.branching = False
        del self._threshold  # its history is not needed any more
        for sequence in self.sequences:
            if sequence.finish_reason is None:
                sequence.branching_end = sequence.length
