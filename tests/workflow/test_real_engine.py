"""The decoder on the real engine, observed: what it received and what it returned."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import entropy

from tests.support.repository import Repository

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def watched(small_run: Repository, tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    output = tmp_path_factory.mktemp("watched") / "log.json"
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("watched_engine.py")), str(output)],
        cwd=small_run.folder,
        env=small_run.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(output.read_text())


def positions(log: dict) -> dict[tuple[int, int, int], list]:
    """(prompt, sequence, position) -> what the engine said there, and which request said it."""
    said = {}
    for request_id, outputs in log["outputs"].items():
        priority, _, sequence, start = map(int, request_id.split("."))
        for offset, entry in enumerate(outputs):
            said[priority, sequence, start + offset] = entry
    return said


def test_forks_take_the_two_most_likely_tokens(watched: list[dict]) -> None:
    said = positions(watched[0])
    forks = 0
    for tree in watched[0]["trees"].values():
        for branch in tree["branches"]:
            forks += 1
            parent, child = tree["tokens"][branch["parent"]], tree["tokens"][branch["child"]]
            position = branch["position"]
            assert child[:position] == parent[:position]
            _, top_tokens, logprobs = said[tree["priority"], branch["parent"], position]
            best, second = np.argsort(logprobs[1:])[::-1][:2]
            assert logprobs[1 + best] >= logprobs[1 + second] == sorted(logprobs[1:])[-2]
            assert parent[position] == top_tokens[1 + best]
            assert child[position] == top_tokens[1 + second]
    assert forks >= 10


def test_entropies_equal_scipy(watched: list[dict]) -> None:
    said = positions(watched[0])
    compared = 0
    for tree in watched[0]["trees"].values():
        for sequence, recorded in enumerate(tree["own_entropies"]):
            for offset, ours in enumerate(recorded):
                position = tree["forks"][sequence] + offset
                if np.isnan(ours):
                    assert offset == 0
                    assert sequence > 0
                    continue
                _, _, logprobs = said[tree["priority"], sequence, position]
                assert ours == pytest.approx(entropy(np.exp(logprobs[1:21])), abs=1e-5)
                compared += 1
    assert compared > 100


def test_every_token_is_the_engines_or_a_forks(watched: list[dict]) -> None:
    said = positions(watched[0])
    for tree in watched[0]["trees"].values():
        forced = {(b["parent"], b["position"]): b["kept"] for b in tree["branches"]}
        forced |= {(b["child"], b["position"]): b["forked"] for b in tree["branches"]}
        for sequence, tokens in enumerate(tree["tokens"]):
            for position in range(tree["forks"][sequence], len(tokens)):
                expected = forced.get((sequence, position))
                if expected is None:
                    (expected,) = said[tree["priority"], sequence, position][0]
                assert tokens[position] == expected


def test_a_request_continues_its_sequence_within_the_limit(watched: list[dict]) -> None:
    trees = {tree["priority"]: tree for tree in watched[0]["trees"].values()}
    for request_id, (token_ids, _, max_tokens) in watched[0]["submitted"].items():
        priority, _, sequence, start = map(int, request_id.split("."))
        tree = trees[priority]
        assert token_ids == [*tree["prompt"], *tree["tokens"][sequence][:start]]
        assert max_tokens == 40 - start


def first_seeds(log: dict) -> dict[str, int]:
    """Seed of each prompt's first request."""
    names = {tree["priority"]: name for name, tree in log["trees"].items()}
    return {
        names[int(request_id.split(".")[0])]: seed
        for request_id, (_, seed, _) in log["submitted"].items()
        if request_id.endswith(".0.0.0")
    }


def test_another_seed_gives_other_sequences(watched: list[dict]) -> None:
    ours, _, other = watched
    for name, seed in first_seeds(ours).items():
        assert seed != first_seeds(other)[name]
    assert any(
        ours["trees"][name]["tokens"] != tree["tokens"] for name, tree in other["trees"].items()
    )


def test_other_prompts_change_no_seed(watched: list[dict]) -> None:
    everything, half, _ = map(first_seeds, watched)
    assert len(half) == len(everything) // 2
    assert {name: everything[name] for name in half} == half
    assert len(set(everything.values())) == len(everything)
    same = [
        name
        for name, tree in watched[1]["trees"].items()
        if tree["tokens"] == watched[0]["trees"][name]["tokens"]
    ]
    print(f"{len(same)} of {len(half)} trees are token for token the same in a smaller batch")
