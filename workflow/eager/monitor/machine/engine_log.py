"""What an engine was asked and what it answered, step by step: the material of the checks."""

from __future__ import annotations

from dataclasses import dataclass, field

from eager.algorithm.branching import PromptTree
from eager.generation.prompt_run import Counters


@dataclass
class RecordedOutput:
    """One token: the step it came in, the token, and the top K with the sampled token before."""

    step: int
    tokens: list[int]
    top_tokens: list[int]
    logprobs: list[float]


@dataclass
class RecordedRequest:
    """One request. `step` counts the steps made before it; `aborted` likewise; None: it was not."""

    token_ids: list[int]
    max_tokens: int
    with_logprobs: bool
    step: int
    answers: list[RecordedOutput] = field(default_factory=list)
    cached: int = 0
    aborted: int | None = None


@dataclass
class EngineLog:
    """Everything between an engine and a decoder, and the trees that came of it.

    Attributes:
        requests: by the name the decoder gave: PRIORITY.ROUND.SEQUENCE.START.
        prompts: token ids of each prompt, by priority.
        trees: tree of each prompt, by priority.
        counters: what the decoder counted.
        steps: steps made.
    """

    requests: dict[str, RecordedRequest] = field(default_factory=dict)
    prompts: dict[int, tuple[int, ...]] = field(default_factory=dict)
    trees: dict[int, PromptTree] = field(default_factory=dict)
    counters: Counters = field(default_factory=Counters)
    steps: int = 0

    def tokens(self) -> list[list[list[int]]]:
        """Token ids of all sequences, by prompt and sequence."""
        return [
            [tree.tokens(number).tolist() for number in range(len(tree.sequences))]
            for _, tree in sorted(self.trees.items())
        ]


def place(request_id: str) -> tuple[int, int, int]:
    """Prompt, sequence and first position of a request of the decoder."""
    priority, _, sequence, start = map(int, request_id.split("."))
    return priority, sequence, start
