"""Random samples of prompts, for tests of what is computed from them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from eager.evaluation.statistics.metrics import SequenceResult


def sample(candidate: int | None, correct: bool, tokens: int = 10) -> SequenceResult:
    """A sample whose authors' count is 4 tokens less."""
    return SequenceResult(candidate, correct, correct, tokens, tokens - 4)


@st.composite
def prompts_of_samples(draw: Any, most: int = 6) -> list[SequenceResult]:
    """Samples of a prompt: some without an answer, any of the answers right, most often one."""
    right = draw(st.sets(st.integers(0, 3), max_size=2))
    candidates = draw(st.lists(st.none() | st.integers(0, 3), min_size=1, max_size=most))
    return [sample(c, c in right, draw(st.integers(1, 50))) for c in candidates]
