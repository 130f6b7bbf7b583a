"""A text counts from the token on with which a sequence holds it, however it is tokenised."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from eager.algorithm.branching import BranchingRule, Observation, PromptTree
from eager.algorithm.markers import Marker
from eager.data.tokenization import Texts
from tests.support.letters import Letters

PIECES = ["", "a", "b", "ab", "ba", "aab", "bb", "c", "\ufffd"]
WITHIN = Texts(Letters(PIECES)).within
TOKENS = st.lists(st.integers(0, len(PIECES) - 1), min_size=1, max_size=14)
TEXT = st.text("ab", min_size=1, max_size=5)


@settings(max_examples=500)
@given(TOKENS, TEXT, st.booleans())
def test_as_the_text_says(tokens: list[int], text: str, stops: bool) -> None:
    marker = Marker(text, WITHIN)
    rule = BranchingRule(
        max_sequences=9,
        entropy_threshold=9.0,
        threshold_percentile=99,
        max_steps_without_branch=99,
        max_tokens=99,
        end_of_sequence=frozenset(),
        **{"stops": (Marker("never", WITHIN), marker)} if stops else {"end_of_thinking": marker},
    )
    tree = PromptTree(rule)
    (sequence,) = tree.sequences
    for count, token in enumerate(tokens, start=1):
        tree.observe([Observation(0, token)])
        holds = text in "".join(PIECES[one] for one in tokens[:count])
        assert sequence.thinking != (holds and not stops)
        assert (sequence.finish_reason == "stop") == (holds and stops)
        if sequence.finish_reason:
            return


def test_only_tokens_that_may_hold_the_last_character_are_looked_at() -> None:
    asked: list[list[int]] = []

    def text_of(tokens: list[int]) -> str:
        asked.append(tokens)
        return WITHIN(tokens)

    marker = Marker("ab", text_of)
    assert [token for token in range(len(PIECES)) if marker.may_end_in[token]] == [2, 3, 4, 5, 6]
    assert [marker.may_end_in[7] for _ in range(9)] == [False] * 9
    assert asked.count([7]) == 1
    # A part of a character may be the last one's of a text that has more than ASCII.
    assert Marker("◁b▷", WITHIN).may_end_in[8]
    assert not marker.may_end_in[8]
