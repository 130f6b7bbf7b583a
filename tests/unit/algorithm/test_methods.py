"""A custom method: other children at a branch, everything else as in EAGer-init."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from eager.algorithm import methods as forks
from eager.algorithm.branching import BranchingRule, Observation, PromptTree, second_most_likely
from eager.config.settings import DecodingSettings, check_method
from eager.util.errors import EagerError

HIGH = 2.5


def tree_of(children: forks.Children, max_sequences: int) -> PromptTree:
    rule = BranchingRule(
        max_sequences=max_sequences,
        entropy_threshold=1.0,
        threshold_percentile=0,
        max_steps_without_branch=100,
        max_tokens=50,
        end_of_sequence=frozenset({0}),
        children=children,
    )
    return PromptTree(rule)


def fork(tree: PromptTree) -> list[tuple[int, int, int]]:
    """One step of the first sequence at a branch: (parent, child, token of the child)."""
    step = [Observation(0, 9, HIGH, best=5, second=6, others=(7, 8))]
    return [(b.parent, b.child, b.forked) for b in tree.observe(step)]


def test_a_fork_may_have_several_children_within_the_cap() -> None:
    tree = tree_of(lambda top_tokens: top_tokens[1:3], max_sequences=4)
    tree.observe([Observation(0, 1, 0.1, best=1, second=2)])
    assert fork(tree) == [(0, 1, 6), (0, 2, 7)]
    assert [tree.tokens(index).tolist() for index in range(3)] == [[1, 5], [1, 6], [1, 7]]
    assert fork(tree) == [(0, 3, 6)]  # the cap left one
    assert not tree.branching


def test_the_papers_fork_has_one_child_however_many_tokens_are_known() -> None:
    assert fork(tree_of(second_most_likely, max_sequences=4)) == [(0, 1, 6)]


def test_without_children_the_sampled_token_stands() -> None:
    tree = tree_of(lambda top_tokens: (), max_sequences=4)
    assert fork(tree) == []
    assert tree.tokens(0).tolist() == [9]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def children(top) return top\n", "broken.py fails .SyntaxError: "),
        ("import no_such_module\n", "broken.py fails .ModuleNotFoundError: No module named"),
        ("def child(top):\n    return top\n", "has no attribute 'children'.*it needs a function"),
        ("def children():\n    return ()\n", "fails .TypeError: .*children"),
        ("def children(top):\n    pass\n", "fails .TypeError: 'NoneType'"),
        ("def children(top):\n    return ['a']\n", r"returns \['a'\], which is not some of"),
        ("def children(top):\n    return [99]\n", r"returns \[99\], which is not some of"),
    ],
)
def test_a_module_that_cannot_be_used_is_told_before_anything_runs(
    source: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.py").write_text(source)
    monkeypatch.setattr(forks, "PACKAGE", tmp_path)
    monkeypatch.setattr(forks, "__path__", [str(tmp_path)])
    sys.modules.pop("eager.algorithm.methods.broken", None)
    with pytest.raises(ValueError, match=message) as raised:
        check_method("broken")
    assert "\n" not in str(raised.value)


def test_a_module_is_a_method(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"unknown method; did you mean 'eager_init'\?.*methods/"):
        check_method("eager_inti")
    source = "def children(top):\n    return top[2:3] if max(top) < 1000 else [5]\n"
    (tmp_path / "third_best.py").write_text(source)
    monkeypatch.setattr(forks, "PACKAGE", tmp_path)
    monkeypatch.setattr(forks, "__path__", [str(tmp_path)])
    try:
        settings = DecodingSettings(
            method="third_best", max_sequences=2, entropy_threshold=1.0, temperature=1.0, seed=1
        )
        children = forks.children_of(settings.method)
        assert children is not None
        chosen: Sequence[int] = children((5, 6, 7))
        # What it was tried on says nothing of other tokens.
        with pytest.raises(EagerError, match=r"returns \[5\], which is not some of the tokens"):
            children((2000, 6, 7))
    finally:
        sys.modules.pop("eager.algorithm.methods.third_best", None)
    assert chosen == (7,)
    assert forks.children_of("eager_init") is None
