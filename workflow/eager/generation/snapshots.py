"""The states of prompts that are under way, on disk: where an interrupted generation goes on.

One file per prompt, or block of its samples, in the store, which only grows: a line that names the
form, then a record per state. A record is a line with its hash and size, a line of JSON, and the
new tokens and entropies as they are in memory, four bytes each. A record that was cut short or
damaged ends what counts.
Nothing waits for the disk: what a crash of the machine leaves out is found missing by its hash.

A record is what has changed since the one before it, whose hash it contains. So where two jobs
write one file, which no lock prevents if their shards differ, the records of one are read and those
of the other passed over.
"""

from __future__ import annotations

import hashlib
import json
import re
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eager.algorithm.allocation import Round
from eager.algorithm.branching import Branch, PromptTree
from eager.algorithm.entropy import History
from eager.algorithm.tree_state import LISTS, Saved, TreeState, difference, saved_by
from eager.generation.prompt_run import PromptRun
from eager.util.counts import added

FORM = b"eager snapshots 2\n"
ANY_FORM = re.compile(rb"eager snapshots \d+\n")
TYPES = {"tokens": "i", "entropies": "f", "step_entropies": "f"}


@dataclass
class _Kept:
    """What the file of a prompt has: its rounds, and the counts of the work until then.

    `last` is the hash of its last record.
    """

    rounds: list[Saved] = field(default_factory=list)
    counts: dict[str, float] = field(default_factory=dict)
    last: str = ""


class SnapshotFiles:
    """See `eager.generation.prompt_run.Snapshots`.

    Args:
        paths: file of each prompt, by its place in the work.
        log: is given a line about each file that is damaged or of another form.
    """

    def __init__(self, paths: Sequence[Path], log: Callable[[str], None]) -> None:
        self.new_counts: Callable[[], dict[str, float]] = dict
        """What the engine has done since this was called last."""
        self._paths = dict(enumerate(paths))
        self._log = log
        self._kept: dict[int, _Kept] = {}

    def restore(self, place: int) -> list[list[TreeState]]:
        """The states of a prompt's rounds, oldest first; none where nothing is kept."""
        rounds: list[list[TreeState]] = []
        kept = self._kept[place] = _Kept()
        for found, payload in self._read(place):
            facts, states = _decode(payload)
            if facts["after"] != kept.last:
                continue  # another job's
            kept.last = found
            for number, state in states:
                if number == len(rounds):
                    rounds.append([])
                rounds[number].append(state)
            kept.counts = added(kept.counts, facts["counts"])
        kept.rounds = [saved_by(states) for states in rounds]
        return rounds

    def save(self, run: PromptRun, lengths: Mapping[int, int]) -> None:
        """Keep a prompt's state; `lengths` says where its running sequences go on.

        Raises:
            OSError: the disk is full; what was kept before stays.
        """
        path = self._paths.get(run.priority)
        if path is None:
            return
        kept = self._kept.setdefault(run.priority, _Kept())
        counts = self.new_counts()
        kept.counts = added(kept.counts, counts)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as stream:
            new = not stream.tell()
            if new:
                # Where it was deleted meanwhile, all of the state has to be written again.
                kept.rounds, kept.last, counts = [], "", kept.counts
            payload = _encode(_differences(run, lengths, kept.rounds), counts, kept.last)
            kept.last = _hash(payload)
            record = f"{kept.last} {len(payload)}\n".encode() + payload
            stream.write(FORM + record if new else record)

    def counts(self, place: int) -> dict[str, float]:
        """What the engine had done until the last state, as far as it is told with this prompt."""
        return self._kept.get(place, _Kept()).counts

    def forget(self, place: int) -> None:
        """Delete what is kept of a prompt, which has been finished."""
        self._kept.pop(place, None)
        if place in self._paths:
            self._paths[place].unlink(missing_ok=True)

    def _read(self, place: int) -> Iterator[tuple[str, bytes]]:
        """Hash and payload of each record up to the first that is damaged, which is cut off."""
        path = self._paths.get(place)
        content = path.read_bytes() if path is not None and path.exists() else b""
        if path is None or not content:
            return
        good = 0
        if content.startswith(FORM):
            good = len(FORM)
            for size, stored, payload in _records(content[good:]):
                yield stored, payload
                good += size
        elif ANY_FORM.match(content):
            self._log(
                f"{path}: of another version, left as it is; its prompt starts from the beginning"
            )
            del self._paths[place]
            return
        if good != len(content):
            self._log(f"{path}: damaged from byte {good} on; only what lies before that counts")
            with path.open("r+b") as stream:
                stream.truncate(good)


def _differences(
    run: PromptRun, lengths: Mapping[int, int], rounds: list[Saved]
) -> Iterator[tuple[int, TreeState]]:
    """The states of the rounds that have changed; `rounds` is brought up to them."""
    trees: list[tuple[Round | None, PromptTree | None]] = [*run.finished, (run.round, run.tree)]
    # A round that another follows was saved to its end with the first state of that.
    for number in range(max(0, len(rounds) - 1), len(trees)):
        tree = trees[number][1]
        assert tree is not None
        if number == len(rounds):
            rounds.append(Saved())
        at = lengths if number == len(trees) - 1 else {}
        yield number, difference(tree, at, rounds[number])


def _encode(
    states: Iterator[tuple[int, TreeState]], counts: Mapping[str, float], after: str
) -> bytes:
    """A record's payload; `after` is the hash of the record that it goes on from."""
    told, lists = [], []
    for number, state in states:
        rows = []
        for row in state.sequences:
            lists += [row[name].tobytes() for name in LISTS]
            rows.append({**row, **{name: len(row[name]) for name in LISTS}})
        told.append(vars(state) | {"round": number, "sequences": rows})
    text = json.dumps({"after": after, "counts": counts, "states": told}).encode()
    return b"".join([text, b"\n", *lists])


def _hash(payload: bytes) -> str:
    return hashlib.sha256(payload).hexdigest()


def _records(content: bytes) -> Iterator[tuple[int, str, bytes]]:
    """Size, hash and payload of the records up to the first that is damaged."""
    start = 0
    while (end := content.find(b"\n", start)) >= 0:
        stored, _, size = content[start:end].partition(b" ")
        payload = content[end + 1 : end + 1 + int(size)] if size.isdigit() else b""
        found = _hash(payload)
        if found.encode() != stored:
            return
        yield end + 1 - start + len(payload), found, payload
        start = end + 1 + len(payload)


def _decode(payload: bytes) -> tuple[dict[str, Any], list[tuple[int, TreeState]]]:
    text, _, rest = payload.partition(b"\n")
    facts, lists = json.loads(text), memoryview(rest)
    states = []
    for state in facts["states"]:
        for row in state["sequences"]:
            for name in LISTS:
                values = array(TYPES[name])
                size = row[name] * values.itemsize
                values.frombytes(lists[:size])
                lists = lists[size:]
                row[name] = values
        number = state.pop("round")
        state["branches"] = [Branch(*branch) for branch in state["branches"]]
        state["history"] = state["history"] and History(*state["history"])
        states.append((number, TreeState(**state)))
    return facts, states
