"""Rounds and parents out of the order of creation, on thousands of random prompts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eager.exchange.rounds import Placed, RecordedBranch, place

KEPT, FORKED = "the", "then"


@st.composite
def prompts(
    draw: st.DrawFn,
) -> tuple[list[int], list[str], list[RecordedBranch], list[Placed]]:
    """A prompt's rounds as a file holds them, and where each sequence belongs."""
    inherited: list[int] = []
    texts: list[str] = []
    branches: list[RecordedBranch] = []
    placed: list[Placed] = []
    for round_ in range(draw(st.integers(1, 5))):
        start = len(placed)
        steps = sorted(draw(st.lists(st.integers(0, 4), max_size=5)))
        # At the first step there is one sequence, which branches once.
        steps = steps[:1] + [step for step in steps[1:] if step > 0]
        inherited.append(0)
        # A root that does not branch at once may still begin as the next round's does.
        texts.append(f"{KEPT} same")
        placed.append(Placed(round_, None, None))
        for step in steps:
            parent = draw(st.integers(0, len(placed) - start - 1)) if step else 0
            placed.append(Placed(round_, start + parent, len(branches)))
            branches.append(RecordedBranch(step, parent, KEPT, FORKED))
            inherited.append(step)
            texts.append(f"{FORKED} other" if step == 0 else f"{KEPT} same too")
    return inherited, texts, branches, placed


@given(prompts())
def test_every_sequence_finds_its_round_and_parent(
    prompt: tuple[list[int], list[str], list[RecordedBranch], list[Placed]],
) -> None:
    inherited, texts, branches, placed = prompt
    assert place(inherited, texts, branches) == placed


@pytest.mark.parametrize(
    ("inherited", "branches", "message"),
    [
        ([0, 3], [], "no branch made sequence 2, which inherits 3 tokens"),
        ([0], [RecordedBranch(2, 0, "a", "b")], "branch 1 made no sequence"),
        ([0, 2], [RecordedBranch(2, 4, "a", "b")], "branch 1 names a parent that comes later"),
    ],
)
def test_what_does_not_belong_together(
    inherited: list[int], branches: list[RecordedBranch], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        place(inherited, ["x"] * len(inherited), branches)
