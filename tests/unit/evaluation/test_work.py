"""Steps, rounds and the KV cache of a tree: by hand, and counted step by step."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from eager.evaluation.statistics.work import SequenceSpan, work_of


def test_by_hand() -> None:
    # A root of 10, a branch of it after 4 that is 8 long; later one that goes on from its end.
    tree = [
        SequenceSpan(0, None, 0, 0, 10),
        SequenceSpan(1, 0, 0, 4, 8),
        SequenceSpan(2, 1, 1, 8, 11),
    ]
    found = work_of(3, tree)
    assert (found.rounds, found.steps) == (2, 10 + 3)
    assert found.kv_read == sum(3 + t for t in [*range(10), *range(4, 8), *range(8, 11)])
    # When the branch is at 8, the root is there too: 8 + 4 positions, and the prompt's 3.
    assert found.kv_peak == 3 + 12
    assert work_of(0, tree) == (2, 13, None, None, None)


@st.composite
def trees(draw: st.DrawFn) -> list[SequenceSpan]:
    found: list[SequenceSpan] = []
    for index in range(draw(st.integers(1, 7))):
        parent = draw(st.sampled_from(found)) if found and draw(st.booleans()) else None
        low = parent.inherited if parent else 0
        inherited = draw(st.integers(low, parent.length)) if parent else 0
        later = draw(st.integers(0, 1))
        round_ = max(found[-1].round if found else 0, later)
        length = inherited + draw(st.integers(1, 6))
        found.append(
            SequenceSpan(index, parent.index if parent else None, round_, inherited, length)
        )
    return found


@given(trees(), st.integers(1, 9))
def test_as_counted_step_by_step(tree: list[SequenceSpan], prompt: int) -> None:
    def owner(one: SequenceSpan, place: int) -> tuple[int, int]:
        """Which sequence generated a position."""
        while place < one.inherited:
            one = tree[one.parent or 0]
        return one.index, place

    steps = read = peak = 0
    for number in {one.round for one in tree}:
        # What each sequence of the round has so far; children appear when the parent is there.
        lengths: dict[int, int] = {}
        members = [one for one in tree if one.round == number]
        for one in members:
            parent = tree[one.parent] if one.parent is not None else None
            if parent is None or parent.round != number:
                lengths[one.index] = one.inherited
        starting = [one for one in members if one.index not in lengths]
        while True:
            for one in starting:
                parent = tree[one.parent or 0]
                if one.index not in lengths and lengths.get(parent.index, -1) == one.inherited:
                    lengths[one.index] = one.inherited
            running = [one for one in members if lengths.get(one.index, 99) < one.length]
            if not running:
                break
            for one in running:
                read += prompt + lengths[one.index]
                lengths[one.index] += 1
            held = {owner(one, p) for one in running for p in range(lengths[one.index])}
            steps, peak = steps + 1, max(peak, len(held))
    assert work_of(prompt, tree)[1:4] == (steps, read, prompt + peak)
