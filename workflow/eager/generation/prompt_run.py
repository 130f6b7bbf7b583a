"""Prompts and requests that are under way in the decoder."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from eager.algorithm.allocation import Round
from eager.algorithm.branching import PromptTree
from eager.algorithm.tree_state import TreeState
from eager.data.prompts import Prompt
from eager.generation.engine import EngineOutput

NextRound = Callable[[int, int], Round | None]
"""(rounds finished, sequences so far) -> the next round of a prompt, or None when it is done."""


@dataclass(eq=False)
class PromptRun:
    """One prompt on its way through its rounds; `priority` is its place in the work.

    `steps_to_state`: once it no longer branches, so many steps at least lead to the next state.
    `ready`: how many of its requests have brought what its tree has not been told of yet.
    """

    prompt: Prompt
    next_round: NextRound
    priority: int
    finished: list[tuple[Round, PromptTree]] = field(default_factory=list)
    round: Round | None = None
    tree: PromptTree | None = None
    request_ids: dict[int, str] = field(default_factory=dict)
    steps_to_state: int = 1
    ready: int = 0

    @property
    def sequences(self) -> int:
        """Sequences of the rounds that are finished."""
        return sum(len(tree.sequences) for _, tree in self.finished)

    @property
    def slots(self) -> int:
        """Sequences that it may have in the engine at once from now on, in this round."""
        assert self.tree is not None
        tree = self.tree
        free = tree.rule.max_sequences - len(tree.sequences) if tree.branching else 0
        return tree.live + free


@dataclass(eq=False, slots=True)
class LiveRequest:
    """The sequence of a tree that a request of the engine stands for.

    Attributes:
        run: its prompt.
        tree: the tree.
        sequence: its index in the tree.
        length: of the sequence when it was submitted, in tokens from the start of the answer.
        started: whether it has brought a token.
        ended: whether the engine has ended it.
        rows: outputs, each with the entropy of its position (nats), that the tree has not been told
            of.
    """

    run: PromptRun
    tree: PromptTree
    sequence: int
    length: int
    started: bool = False
    ended: bool = False
    rows: deque[tuple[EngineOutput, float]] = field(default_factory=deque)


Arrival = tuple[LiveRequest, EngineOutput, float]
"""What a request brought in one step, with the entropy of its position in nats."""


class Snapshots(Protocol):
    """Keeps the states of prompts that are under way."""

    def restore(self, place: int) -> list[list[TreeState]]:
        """The states of the rounds of the prompt at a place in the work, oldest first, if any."""
        ...

    def save(self, run: PromptRun, lengths: Mapping[int, int]) -> None:
        """Keep a prompt's state; `lengths` says where its running sequences go on."""
        ...


@dataclass
class Counters:
    """What a decoder has done so far. `driver_seconds` is its own time, without the engine's."""

    steps: int = 0
    tokens: int = 0
    forks: int = 0
    prompt_tokens: int = 0
    cached_prompt_tokens: int = 0
    engine_seconds: float = 0.0
    driver_seconds: float = 0.0
