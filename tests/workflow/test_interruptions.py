"""Kills in the middle of prompts, with the real engine: the tokens are those of no kill."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.repository import Repository
from tests.workflow.interrupted_engine import COUNT, EVERY


def start(small_run: Repository, method: str, folder: Path, length: int) -> subprocess.Popen[bytes]:
    folder.mkdir(exist_ok=True)
    script = Path(__file__).with_name("interrupted_engine.py")
    return subprocess.Popen(
        [sys.executable, str(script), method, folder, str(length)],
        cwd=small_run.folder,
        env=small_run.environment,
        stdout=(folder / "log").open("ab"),
        stderr=subprocess.STDOUT,
    )


def steps(folder: Path) -> list[list[dict[str, int]]]:
    """What each process, one after the other, said of where its prompts were."""
    path = folder / "diary.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    processes: dict[int, list[dict[str, int]]] = {}
    for line in lines:
        if line.endswith("}"):
            row = json.loads(line)
            processes.setdefault(row["process"], []).append(row["at"])
    return list(processes.values())


def killed(small_run: Repository, method: str, folder: Path, length: int, kills: int) -> Path:
    """A generation that is killed so often, each time after a random number of steps."""
    chance = random.Random(kills)
    for number in range(kills):
        process = start(small_run, method, folder, length)
        # In the long run the steps of the whole, so that kills come everywhere in it.
        wanted = sum(map(len, steps(folder))) + chance.randrange(2, 2 * length // (kills + 1))
        while sum(map(len, steps(folder))) < wanted:
            assert process.poll() is None, f"it ended before kill {number + 1}"
            time.sleep(0.05)
        process.kill()
        process.wait()
    process = start(small_run, method, folder, length)
    assert process.wait() == 0, (folder / "log").read_text()[-3000:]
    return folder


def lost_steps(folder: Path, length: int) -> list[int]:
    """Steps of a prompt that a process made which the next one had to make again."""
    found = steps(folder)
    return [
        last - after[0].get(prompt, length)
        for before, after in pairwise(found)
        for prompt, last in before[-1].items()
    ]


def check(small_run: Repository, method: str, folder: Path, length: int, kills: int) -> None:
    whole = killed(small_run, method, folder / "whole", length, 0)
    interrupted = killed(small_run, method, folder / "killed", length, kills)
    ours, expected = (
        json.loads((place / "sequences.json").read_text()) for place in (interrupted, whole)
    )
    lost = lost_steps(interrupted, length)
    size = sum(path.stat().st_size for path in whole.glob("*.states"))
    tokens = sum(len(ids) for rows in expected.values() for ids in rows)
    print(f"{method}: {kills} kills, {sum(lost)} steps made again, at most {max(lost)} at once; ")
    print(f"{size / tokens:.1f} bytes of states per token")
    assert len(lost) == kills * COUNT
    assert max(lost) < EVERY
    assert len(expected) == COUNT
    assert {len(ids) for rows in expected.values() for ids in rows} == {length}
    assert ours == expected


@pytest.mark.long
def test_a_killed_prompt_goes_on_from_its_last_state(small_run: Repository, tmp_path: Path) -> None:
    check(small_run, "eager_init", tmp_path, 160, 1)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["parallel", "eager_init"])
def test_ten_kills_in_prompts_of_six_hundred_steps(
    small_run: Repository, tmp_path: Path, method: str
) -> None:
    check(small_run, method, tmp_path, 600, 10)
