"""What is likely to be wrong with a whole result, whatever its verdicts are."""

from __future__ import annotations

from collections.abc import Sequence

LEAST_ANSWERED = 0.5
"""Share of sequences with an answer below which a result is warned of."""


def warnings_of(texts: Sequence[str], answered: int, marker: str) -> list[str]:
    """What is likely to be wrong with a whole result, whatever its verdicts are.

    Args:
        texts: of all sequences.
        answered: how many of them hold an answer.
        marker: the model's end of thinking; empty: none.
    """
    if not texts:
        return []
    if not any(map(str.strip, texts)):
        return ["every text is empty; look at the prompts and at the model's ends of sequence"]
    if marker and not any(marker in text for text in texts):
        line = f"no sequence holds the end of thinking {marker!r}, so no program counts and every "
        line += "token may branch; raise max_tokens, or set the model's end_of_thinking to what it "
        return [line + "writes (null: it does not think)"]
    if answered < LEAST_ANSWERED * len(texts):
        line = f"{len(texts) - answered:,} of {len(texts):,} sequences hold no answer; say in the "
        line += "data set's prompt_template how to answer (math and choice: in \\boxed{}), or "
        return [line + "raise max_tokens"]
    return []
