"""What it costs to keep the states of prompts under way, against the time of the engine's steps.

A short distance between states shows what a boundary costs: every running sequence is submitted
again and its last, partly filled KV block computed once more. That is the same at any distance;
what a state of 2,048 steps takes to write is measured by itself and added.
"""

from __future__ import annotations

from array import array
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory

import numpy as np

from eager.algorithm.allocation import Round
from eager.algorithm.branching import PromptTree
from eager.config.settings import SNAPSHOT_STEPS
from eager.data.prompts import Prompt
from eager.generation.decoder import Decoder
from eager.generation.engine import VllmEngine
from eager.generation.prompt_run import PromptRun
from eager.generation.snapshots import SnapshotFiles
from tests.benchmarks.figures import Figure
from tests.benchmarks.workload import VOCABULARY, problems, settings, timer
from tests.support.letters import LETTERS

PROMPTS, SAMPLES = 4, 8
EVERY, STEPS = 64, 330
NEIGHBOURS = 12
ENDLESS = VOCABULARY.model_copy(update={"end_of_sequence": (10**9,)})


def state_costs(engine: VllmEngine) -> list[Figure]:
    """Share of the step time at the default distance, and bytes per token."""
    with TemporaryDirectory() as name:
        boundaries, step = _boundaries(engine, Path(name))
        writing, size = _writing(Path(name))
    shares = [100 * (cost + writing) / (SNAPSHOT_STEPS * step) for cost in boundaries]
    words = f"percent of step time for a state every {SNAPSHOT_STEPS:,} steps, 32 live sequences"
    return [
        Figure.of(words, shares, value=fmean(shares), higher_is_better=False, target=0.5),
        Figure.of("bytes per token of states, with entropies", [size], higher_is_better=False),
    ]


def _boundaries(engine: VllmEngine, folder: Path) -> tuple[list[float], float]:
    """Seconds that each boundary adds, and those of a usual step."""
    texts = problems(engine, PROMPTS)
    prompts = [
        Prompt(id=str(i), token_ids=engine.texts.tokenizer.encode(t)) for i, t in enumerate(texts)
    ]
    first = Round(0, SAMPLES, SAMPLES, 0.0)
    chosen = settings(STEPS, "parallel").model_copy(
        update={"snapshot_steps": EVERY, "max_sequences": SAMPLES}
    )
    files = SnapshotFiles([folder / one.id for one in prompts], print)
    steps = Decoder(engine, chosen, ENDLESS, engine.texts, files).run(
        [(prompt, lambda rounds, _: None if rounds else first) for prompt in prompts]
    )
    next(steps)
    seconds, start = [], timer()
    for _ in steps:
        seconds.append(timer() - start)
        start = timer()
    added = []
    for boundary in range(EVERY, STEPS - NEIGHBOURS, EVERY):
        around = [
            *seconds[boundary - 1 - NEIGHBOURS : boundary - 1],
            *seconds[boundary + 1 : boundary + 1 + NEIGHBOURS],
        ]
        # The state is kept at the end of the boundary's step; the next computes the blocks.
        added.append(sum(seconds[boundary - 1 : boundary + 1]) - 2 * median(around))
    return added, median(seconds)


def _writing(folder: Path) -> tuple[float, float]:
    """Seconds for the states of all prompts at the default distance, and bytes per token."""
    rng = np.random.default_rng(1)
    seconds = []
    size = 0
    for number in range(PROMPTS):
        path = folder / f"state-{number}"
        run = PromptRun(Prompt(id="p", token_ids=()), lambda *_: None, 0)
        run.round = Round(0, SAMPLES, SAMPLES, 0.0)
        run.tree = PromptTree(
            Decoder(None, settings(2 * SNAPSHOT_STEPS), ENDLESS, LETTERS)._rule(
                run.prompt, run.round
            ),
            SAMPLES,
        )
        for sequence in run.tree.sequences:
            sequence.tokens = array("i", rng.integers(0, 50_000, SNAPSHOT_STEPS).tolist())
            sequence.entropies = array("f", rng.random(SNAPSHOT_STEPS).tolist())
        start = timer()
        SnapshotFiles([path], print).save(run, {})
        seconds.append(timer() - start)
        size += path.stat().st_size
    return sum(seconds), size / (PROMPTS * SAMPLES * SNAPSHOT_STEPS)
