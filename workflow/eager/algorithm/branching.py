"""When a prompt's sequences branch: EAGer-init's rule as a pure state machine.

A `PromptTree` receives, step by step, what the model sampled for each running sequence, and returns
the new branches. It knows nothing of engines, text or files. Full Parallel is the same tree with M
roots: it is at the cap and does not branch. Letters in comments are the points of `rules.py`.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from collections.abc import Sequence as Row
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from eager.algorithm.entropy import RunningThreshold
from eager.algorithm.markers import Marker
from eager.algorithm.rules import DESCRIBED, Points

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
        max_tokens: longest sequence, in tokens from the start of the answer, inherited included;
            with point F the steps of the prompt.
        end_of_sequence: ids of the tokens that end a sequence.
        stops: texts that end a sequence.
        end_of_thinking: the marker after which a sequence no longer branches; None for a model
            that has none.
        children: the tokens that the new sequences of a branch take.
        points: what it does as the authors' program does.
    """

    max_sequences: int
    entropy_threshold: float
    threshold_percentile: float
    max_steps_without_branch: int
    max_tokens: int
    end_of_sequence: frozenset[int]
    stops: tuple[Marker, ...] = ()
    end_of_thinking: Marker | None = None
    children: Callable[[Row[int]], Row[int]] = second_most_likely
    points: Points = DESCRIBED


class Observation(NamedTuple):
    """What the model made of one running sequence at one step.

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
    """One branch: at `position` the parent kept its most likely token and the child took `forked`.

    `position` counts tokens from the start of the answer, `step` the prompt's steps; `entropy` and
    `threshold` are in nats.
    """

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

    `birth` is the step it was created in. Only with point C: `step_entropies` has one entropy per
    step from there on, as long as the prompt branched (a branch's stands with parent and child);
    `drawn_end` is the end that the last step drew; `ends_drawn` counts the discarded ends.
    """

    parent: int | None
    fork_position: int
    thinking: bool
    limit: int
    birth: int = 0
    tokens: array[int] = field(default_factory=lambda: array("i"))
    entropies: array[float] = field(default_factory=lambda: array("f"))
    finish_reason: FinishReason | None = None
    branching_end: int | None = None
    step_entropies: array[float] = field(default_factory=lambda: array("f"))
    drawn_end: int | None = None
    ends_drawn: int = 0

    @property
    def length(self) -> int:
        """Tokens from the start of the answer, inherited included."""
        return self.fork_position + len(self.tokens)

    @property
    def steps(self) -> int:
        """Steps of the prompt until now, if none has passed without a token or an end for it."""
        return self.birth + len(self.tokens) + self.ends_drawn


class PromptTree:
    """All sequences of one prompt in one round.

    `running_threshold` and `steps_without_branch` are what the next decision to branch depends on
    besides the sequences; the threshold is None once the prompt has stopped branching.

    Args:
        rule: the parameters.
        roots: number of roots; 1 for EAGer, M for Full Parallel.
    """

    def __init__(self, rule: BranchingRule, roots: int = 1) -> None:
        self.rule = rule
        self.sequences = [Sequence(None, 0, True, rule.max_tokens) for _ in range(roots)]
        self.branches: list[Branch] = []
        self.steps = 0
        self.live = roots
        self.branching = True
        self.steps_without_branch = 0
        self.running_threshold: RunningThreshold | None = RunningThreshold(
            rule.entropy_threshold, rule.threshold_percentile
        )
        if roots >= rule.max_sequences:
            self._end_branching()

    def observe(self, step: Iterable[Observation]) -> list[Branch]:
        """Take one step of the running sequences; returns the branches it made, in order.

        A sequence keeps what was sampled, except a branch's parent, which keeps the most likely
        token. Sequences that ended have a `finish_reason` afterwards.

        Args:
            step: one observation per running sequence, in order of the sequences.

        Source: the paper's algorithm for EAGer-init. The threshold is that of the entropies
        before this step.
        """
        if not self.branching:
            self.steps += 1
            for observation in step:
                self._append(self.sequences[observation.sequence], observation.sampled)
            return []
        assert self.running_threshold is not None
        threshold = self.running_threshold.value()
        self._count_places()
        made: list[Branch] = []
        recorded: list[float] = []
        for observation in step:
            sequence = self.sequences[observation.sequence]
            recorded.append(observation.entropy)
            if self.rule.points.ends_drawn_again:
                sequence.step_entropies.append(observation.entropy)
            if observation.entropy > threshold and self._may_branch(sequence, observation):
                created = self._branch(sequence, observation, threshold)
                if self.rule.points.fork_counts_twice:  # A
                    recorded += [observation.entropy] * len(created)
                made += created
            else:
                self._take(sequence, observation)
        self.steps += 1
        self.running_threshold.add(recorded)
        self.branches += made
        self.steps_without_branch = 0 if made else self.steps_without_branch + 1
        if (
            len(self.sequences) >= self.rule.max_sequences
            or self.steps_without_branch >= self.rule.max_steps_without_branch
            or (self.rule.points.limit_counts_steps and self.steps >= self.rule.max_tokens)  # F
        ):
            self._end_branching()
        return made

    def tokens(self, index: int) -> array[int]:
        """Token ids of a sequence from the start of the answer, inherited included."""
        sequence = self.sequences[index]
        if sequence.parent is None:
            return sequence.tokens[:]
        return self.tokens(sequence.parent)[: sequence.fork_position] + sequence.tokens

    @property
    def sampled(self) -> int:
        """Tokens that were sampled for it, ends that were drawn again included (C).

        A branch forces the first token of its child.
        """
        return sum(
            len(sequence.tokens) + sequence.ends_drawn - (sequence.parent is not None)
            for sequence in self.sequences
        )

    def tokens_left(self, index: int) -> int:
        """How many more tokens a sequence may get."""
        if self.branching and self.rule.points.limit_counts_steps:  # F
            return self.rule.max_tokens - self.steps
        sequence = self.sequences[index]
        return sequence.limit - sequence.length

    def _count_places(self) -> None:
        """Place of each active sequence among those active now, for B."""
        if self.rule.points.cap_counts_places:
            active = (
                index
                for index, sequence in enumerate(self.sequences)
                if self.rule.points.ended_are_active  # D
                or (sequence.finish_reason is None and sequence.drawn_end is None)
            )
            self._places = {index: place for place, index in enumerate(active)}

    def _below_cap(self, index: int) -> bool:
        if not self.rule.points.cap_counts_places:
            return len(self.sequences) < self.rule.max_sequences
        place = self._places.get(index)  # B
        return place is not None and len(self._places) + place < self.rule.max_sequences

    def _may_branch(self, sequence: Sequence, observation: Observation) -> bool:
        sampled = observation.sampled
        return (
            self._below_cap(observation.sequence)
            and (self.rule.points.ends_drawn_again or not self._is_end(sequence, sampled))  # C
            and sequence.thinking
            and not self._ends_thinking(sequence, sampled)
        )

    def _branch(self, parent: Sequence, observation: Observation, threshold: float) -> list[Branch]:
        position = parent.length
        top_tokens = (observation.best, observation.second, *observation.others)
        left = max(0, self.rule.max_sequences - len(self.sequences))
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
            for number, forked in enumerate(self.rule.children(top_tokens)[:left])
        ]
        if not made:
            self._take(parent, observation)
            return []
        forced_may_end = not self.rule.points.ends_drawn_again  # C
        parent.entropies.append(observation.entropy)
        self._append(parent, observation.best, may_end=forced_may_end)
        for branch in made:
            child = Sequence(branch.parent, position, True, self.rule.max_tokens, self.steps)
            # Recorded once, with the parent: the child shares the distribution, not the
            # observation.
            child.entropies.append(float("nan"))
            if self.rule.points.ends_drawn_again:
                child.step_entropies.append(observation.entropy)
            self.sequences.append(child)
            self.live += 1
            self._append(child, branch.forked, may_end=forced_may_end)
        return made

    def _take(self, sequence: Sequence, observation: Observation) -> None:
        """Let the sampled token stand, but for an end while the prompt branches (C)."""
        drawn_again = self.rule.points.ends_drawn_again
        if drawn_again and self._is_end(sequence, observation.sampled):
            sequence.drawn_end = observation.sampled
            sequence.ends_drawn += 1
            return
        sequence.entropies.append(observation.entropy)
        self._append(sequence, observation.sampled)

    def _append(self, sequence: Sequence, token: int, *, may_end: bool = True) -> None:
        # Whether it still thinks matters only as long as it may branch.
        if self.branching and sequence.thinking and self._ends_thinking(sequence, token):
            sequence.thinking = False
        rule = self.rule
        ends = token in rule.end_of_sequence or (rule.stops and self._stops(sequence, token))
        sequence.tokens.append(token)
        sequence.drawn_end = None
        if ends and may_end:
            self._finish(sequence, "stop")
        elif sequence.length >= sequence.limit:
            self._finish(sequence, "length")

    def _finish(self, sequence: Sequence, reason: FinishReason) -> None:
        sequence.finish_reason = reason
        self.live -= 1
        if self.branching:
            sequence.branching_end = sequence.length

    def _is_end(self, sequence: Sequence, token: int) -> bool:
        return token in self.rule.end_of_sequence or self._stops(sequence, token)

    def _stops(self, sequence: Sequence, token: int) -> bool:
        return any(
            stop.may_end_in[token] and self._completes(stop, sequence, token)
            for stop in self.rule.stops
        )

    def _ends_thinking(self, sequence: Sequence, token: int) -> bool:
        marker = self.rule.end_of_thinking
        if marker is None or not marker.may_end_in[token]:
            return False
        return self._completes(marker, sequence, token)

    def _completes(self, marker: Marker, sequence: Sequence, token: int) -> bool:
        return marker.is_in([*self._tail(sequence, marker.reach), token])

    def _tail(self, sequence: Sequence, count: int) -> list[int]:
        """The last `count` tokens of a sequence, inherited included (fewer at its start)."""
        own = sequence.tokens[-count:].tolist() if count else []
        if len(own) == count or sequence.parent is None:
            return own
        parent = self.tokens(sequence.parent)[: sequence.fork_position]
        return [*parent[len(own) - count :], *own]

    def _end_branching(self) -> None:
        self.running_threshold = None  # its history is not needed any more
        steps_left = self.rule.max_tokens - self.steps
        for sequence in self.sequences:
            if sequence.finish_reason is not None:
                continue
            if self.rule.points.limit_counts_steps:  # F
                sequence.limit = sequence.length + steps_left
            if sequence.length < sequence.limit:
                sequence.branching_end = sequence.length
            elif sequence.drawn_end is None:
                self._finish(sequence, "length")
            else:
                self._let_end_stand(sequence, sequence.drawn_end)
        self.branching = False

    def _let_end_stand(self, sequence: Sequence, end: int) -> None:
        """The last step has drawn an end, and no step is left to draw again."""
        sequence.ends_drawn -= 1
        sequence.entropies.append(sequence.step_entropies[-1])
        self._append(sequence, end)
