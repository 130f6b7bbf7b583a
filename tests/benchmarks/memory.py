"""Bytes per generated token: held by the driver while it decodes, as finished tables, on disk."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

from eager.data.prompts import Prompt
from eager.data.tokenization import Texts
from eager.generation.records import tree_tables
from eager.util.tables import SEQUENCES, concatenate, write_table
from tests.benchmarks.figures import Figure
from tests.benchmarks.micro import stepping
from tests.benchmarks.workload import Decoded

LIVE = 256
# Multiples of the positions that vLLM may keep, so that its share is the same at both ends.
FIRST, STEPS = 64, 384


def driver_bytes() -> Figure:
    """Growth of all Python memory over many steps with the scale simulator, entropies recorded."""
    engine, steps = stepping(LIVE, 1000)
    tracemalloc.start()
    sizes = []
    for count in (FIRST, STEPS):
        for _ in range(count):
            engine.prepare()
            next(steps)
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    grown = (sizes[1] - sizes[0]) / (LIVE * STEPS)
    return Figure.of(
        "bytes per token in memory, driver", [grown], higher_is_better=False, target=32
    )


def result_bytes(decoded: Decoded, texts: Texts, folder: Path) -> list[Figure]:
    """Finished prompts as tables in memory, and on disk; an inherited token counts once."""
    made = [
        tree_tables(
            Prompt(id=str(number), token_ids=()),
            tree,
            round_number=0,
            first_index=0,
            count_words=True,
            texts=texts,
        )[0]
        for number, tree in enumerate(decoded.trees)
    ]
    table = concatenate(made, SEQUENCES)
    path = folder / "sequences.parquet"
    write_table(path, table, "sequences")
    return [
        Figure.of(
            f"bytes per token {place}",
            [size / decoded.tokens],
            higher_is_better=False,
            target=target,
        )
        for place, size, target in (
            ("in memory, finished prompts", table.nbytes, 32),
            ("on disk", path.stat().st_size, 8),
        )
    ]
