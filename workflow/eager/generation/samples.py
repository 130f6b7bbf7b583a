"""Full Parallel's samples of a prompt as a pool: results that differ in M alone take the first M.

A sample's random numbers depend on its index, not on M, so the samples of a smaller M are the first
ones of a larger M, and a larger M needs only those that are missing.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from eager.generation.counts import added
from eager.generation.store import FinishedPrompt, Store
from eager.generation.work import WorkItem
from eager.util.tables import SEQUENCES, concatenate


def read_result(store: Store, key: str, item: WorkItem) -> FinishedPrompt | None:
    """What a result has of a prompt; None if it is not in the store, or has too few samples."""
    finished = store.read(key)
    if finished is None or item.samples is None:
        return finished
    return first_samples(finished, item.samples)


def first_samples(finished: FinishedPrompt, count: int) -> FinishedPrompt | None:
    """The first samples of a prompt, as if no more had been drawn; None if there are fewer.

    What the engine has done for all of them is divided by their tokens.
    """
    if finished.sequences.num_rows < count:
        return None
    if finished.sequences.num_rows == count:
        return finished
    sequences = finished.sequences.slice(0, count)
    tokens = _tokens(sequences)
    share = tokens / max(_tokens(finished.sequences), 1)
    counts = {name: _scaled(value, share) for name, value in finished.counts.items()}
    return FinishedPrompt(sequences, finished.branches, {**counts, "tokens": tokens})


def with_more(before: FinishedPrompt, new: FinishedPrompt) -> FinishedPrompt:
    """A prompt's samples followed by further ones."""
    sequences = concatenate([before.sequences, new.sequences], SEQUENCES)
    return FinishedPrompt(sequences, before.branches, added(before.counts, new.counts))


def _tokens(sequences: pa.Table) -> int:
    return int(pc.sum(pc.list_value_length(sequences.column("token_ids"))).as_py() or 0)


def _scaled(value: float, share: float) -> float:
    return round(value * share) if isinstance(value, int) else value * share
