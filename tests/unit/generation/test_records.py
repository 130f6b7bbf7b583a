"""Formats: what is written is read back, damage and other versions are detected."""

from __future__ import annotations

import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eager.algorithm.branching import BranchingRule, Observation, PromptTree
from eager.algorithm.markers import Marker
from eager.algorithm.rules import AUTHORS
from eager.config.experiment import imported_target
from eager.data.tokenization import Texts
from eager.report.results import read_prompts
from eager.util import tables
from eager.util.errors import EagerError
from eager.util.tables import read_table, write_table
from tests.support.letters import Letters
from tests.support.trees import small_tree, tables_of


def test_rows_where_ends_are_drawn_again(tmp_path: Path) -> None:
    rule = BranchingRule(
        2, 0.5, 99, 1000, max_tokens=20, end_of_sequence=frozenset({0}), points=AUTHORS
    )
    tree = PromptTree(rule)
    tree.observe([Observation(0, 1, 0.1, 1, 2)])
    tree.observe([Observation(0, 0, 0.3, 0, 2)])
    tree.observe([Observation(0, 0, 0.9, 4, 0)])
    assert not tree.branching
    for token in (9, 1, 0):
        tree.observe([Observation(i, token) for i in range(2)])
    sequences, _ = tables_of(tree)
    parent, child = sequences.to_pylist()
    assert parent["token_ids"] == [1, 4, 9, 1, 0]
    # The child's first token is an end that the branch forced: it is text like any other.
    assert child["token_ids"] == [1, 0, 9, 1, 0]
    assert parent["step_entropies"] == pytest.approx([0.1, 0.3, 0.9])
    assert [math.isnan(h) for h in child["step_entropies"]] == [True, True, False]
    assert (parent["ends_drawn"], child["ends_drawn"]) == (1, 0)
    # Three steps and one of the child's, then the word "a"; the end is no word.
    assert (parent["tokens_upstream"], child["tokens_upstream"]) == (3 + 1, 1 + 1)
    assert parent["entropies"][:2] == pytest.approx([0.1, 0.9])
    path = tmp_path / "sequences.parquet"
    write_table(path, tables.concatenate([sequences], tables.SEQUENCES), "sequences")
    assert read_table(path, "sequences").column_names[-2:] == ["step_entropies", "ends_drawn"]


def test_rows_of_a_tree() -> None:
    sequences, branches = tables_of(small_tree(), round_number=2, first_index=6)
    assert sequences.schema == tables.SEQUENCES
    parent, child = sequences.to_pylist()
    assert (parent["sequence_index"], parent["parent_index"], parent["round"]) == (6, None, 2)
    assert (child["sequence_index"], child["parent_index"]) == (7, 6)
    assert (child["fork_position"], child["inherited_tokens"]) == (1, 1)
    assert parent["token_ids"] == [1, 4, 9, 1, 2, 9, 3, 0]
    assert child["token_ids"] == [1, 5, 9, 1, 2, 9, 3, 0]
    assert parent["entropies"][:2] == pytest.approx([0.1, 0.9])
    # Inherited, then the fork's own token: its distribution was recorded with the parent.
    assert all(math.isnan(entropy) for entropy in [*parent["entropies"][2:], *child["entropies"]])
    # Two tokens (one of the child's own) before branching ended, then the words "ab" and "c".
    assert (parent["tokens_upstream"], child["tokens_upstream"]) == (2 + 2, 1 + 2)
    assert parent["text"] == "ad ab c"
    (branch,) = branches.to_pylist()
    assert (branch["step"], branch["position"]) == (1, 1)
    assert (branch["parent_index"], branch["child_index"]) == (6, 7)
    assert [branch[f"{kind}_text"] for kind in ("sampled", "kept", "forked")] == ["c", "d", "e"]


@pytest.mark.parametrize(
    ("max_sequences", "patience", "max_tokens", "repeated"),
    [
        (3, 1000, 20, 20 - 3),  # never M sequences: until the token limit
        (3, 4, 20, 1 + 4 - 3),  # or until the patience ends
        (2, 1000, 20, 0),  # branching ended before the sequence did
    ],
)
def test_an_end_counts_again_while_the_prompt_could_branch(
    max_sequences: int, patience: int, max_tokens: int, repeated: int
) -> None:
    rule = BranchingRule(max_sequences, 0.5, 99, patience, max_tokens, frozenset({0}))
    tree = PromptTree(rule)
    tree.observe([Observation(0, 3, 0.9, 4, 5)])
    tree.observe([Observation(0, 1, 0.1), Observation(1, 1, 0.1)])
    tree.observe([Observation(0, 0, 0.1), Observation(1, 1, 0.1)])
    while tree.live:
        tree.observe([Observation(1, 0, 0.1)])
    rows, _ = tables_of(tree)
    first = rows.to_pylist()[0]
    # "da" after branching ended is a word; otherwise every token counts.
    counted = 3 + repeated if max_sequences > 2 else 1 + 1
    assert first["tokens_upstream"] == counted


def test_words_are_counted_up_to_a_stop() -> None:
    texts = Texts(Letters(["<end>", "a", " b.x"]))
    stop = Marker(".", texts.within)
    tree = PromptTree(BranchingRule(1, 9.0, 99, 9, 20, frozenset({0}), stops=(stop,)))
    tree.observe([Observation(0, 1)])
    tree.observe([Observation(0, 2)])
    (row,) = tables_of(tree, texts=texts)[0].to_pylist()
    assert (row["text"], row["tokens_upstream"]) == ("a b", 2)
    assert (row["finish_reason"], row["token_ids"]) == ("stop", [1, 2])


def test_parallel_counts_tokens_and_has_no_threshold() -> None:
    sequences, _ = tables_of(small_tree(), count_words=False)
    assert sequences.column("tokens_upstream").to_pylist() == [8, 7]
    assert sequences.column("threshold").to_pylist() == [None, None]


def test_another_version_or_kind_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.parquet"
    write_table(path, pa.table({"a": [1]}), "verdicts")
    assert read_table(path, "verdicts").column("a").to_pylist() == [1]
    with pytest.raises(EagerError, match=r"holds 'verdicts' in schema version 1.*'sequences'"):
        read_table(path, "sequences")
    monkeypatch.setattr(tables, "SCHEMA_VERSION", "2")
    with pytest.raises(EagerError, match="version 1, where 'verdicts' in version 2"):
        read_table(path, "verdicts")
    path.write_bytes(b"no parquet")
    with pytest.raises(EagerError, match="not a readable Parquet file"):
        read_table(path, "verdicts")
    with pytest.raises(EagerError, match="no such file"):
        read_table(tmp_path / "nowhere.parquet", "verdicts")


def several_prompts(names: str) -> pa.Table:
    made = [tables_of(small_tree(), name)[0] for name in names]
    return pa.concat_tables(made)


@pytest.mark.parametrize(("limit", "groups"), [(1, 5), (400, 3), (2**20, 1)])
def test_prompts_share_row_groups_and_are_read_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, groups: int
) -> None:
    monkeypatch.setattr(tables, "ROW_GROUP_BYTES", limit)
    path = tmp_path / "sequences.parquet"
    write_table(path, several_prompts("abcde"), "sequences")
    assert pq.ParquetFile(path).num_row_groups == groups
    found = dict(read_prompts(imported_target(tmp_path, {}, "eager")))
    assert list(found) == list("abcde")
    for parent, child in found.values():
        assert parent.token_ids is not None
        assert child.entropies is not None
        assert parent.token_ids.tolist() == [1, 4, 9, 1, 2, 9, 3, 0]
        assert (child.parent, child.inherited, len(child.entropies)) == (0, 1, 8)


def test_a_prompts_rows_may_not_lie_apart(tmp_path: Path) -> None:
    path = tmp_path / "sequences.parquet"
    write_table(path, several_prompts("aba"), "sequences")
    with pytest.raises(EagerError, match="the rows of prompt 'a' are not contiguous"):
        list(read_prompts(imported_target(tmp_path, {}, "eager")))


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_table(path, pa.table({"a": [1]}), "verdicts")
    with pytest.raises(AttributeError):
        write_table(path, "no table", "verdicts")  # type: ignore[arg-type]
    assert read_table(path, "verdicts").num_rows == 1
    assert list(tmp_path.iterdir()) == [path]
