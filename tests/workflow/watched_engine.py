"""Decodes the small run's prompts with an engine that records every request and answer.

Usage, in the folder of the small run: python watched_engine.py LOG
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from eager.algorithm.allocation import Round
from eager.config.settings import DecodingSettings, EngineOptions
from eager.data.models import model_folder
from eager.data.prompts import Prompt, Vocabulary, read_prompts
from eager.generation.decoder import Decoder
from eager.generation.engine import EngineOutput, EngineRequest, VllmEngine

PROMPTS = Path("results/small/SmolLM2-135M-Instruct/small/prompts.parquet")
MANIFEST = Path("results/models/SmolLM2-135M-Instruct/manifest.json")
FIRST = Round(0, 1, 4, 0.8)
SETTINGS = DecodingSettings(
    method="eager_init",
    max_sequences=4,
    entropy_threshold=0.8,
    temperature=0.6,
    max_tokens=40,
    dtype="float32",
    seed=55,
)


class WatchedEngine(VllmEngine):
    """The real engine, with a diary."""

    submitted: dict[str, list[Any]]
    said: dict[str, list[Any]]

    def submit(self, request: EngineRequest) -> None:
        sent = [request.token_ids, request.seed, request.max_tokens]
        self.submitted[request.request_id] = sent
        super().submit(request)

    def step(self) -> list[EngineOutput]:
        outputs = super().step()
        for output in outputs:
            entry = [list(output.tokens), list(output.top_tokens), list(output.logprobs)]
            self.said.setdefault(output.request_id, []).append(entry)
        return outputs


def decode(
    engine: WatchedEngine,
    prompts: list[Prompt],
    vocabulary: Vocabulary,
    settings: DecodingSettings = SETTINGS,
) -> dict[str, Any]:
    """The trees of some prompts, with what the engine received and returned meanwhile."""
    engine.submitted, engine.said = {}, {}
    decoder = Decoder(engine, settings, vocabulary)
    work = [(prompt, lambda rounds, _: None if rounds else FIRST) for prompt in prompts]
    trees = {}
    for finished in decoder.run(work):
        for run in finished:
            ((_, tree),) = run.finished
            trees[run.prompt.id] = {
                "priority": run.priority,
                "prompt": run.prompt.token_ids,
                "tokens": [tree.tokens(i).tolist() for i in range(len(tree.sequences))],
                "own_entropies": [list(sequence.entropies) for sequence in tree.sequences],
                "forks": [sequence.fork_position for sequence in tree.sequences],
                "branches": [branch._asdict() for branch in tree.branches],
            }
    return {"trees": trees, "submitted": engine.submitted, "outputs": engine.said}


def main() -> None:
    prompts, vocabulary = read_prompts(PROMPTS)
    engine = WatchedEngine(
        model_folder(MANIFEST),
        SETTINGS,
        EngineOptions(),
        vocabulary.context_length,
        vocabulary.end_of_sequence,
    )
    everything = decode(engine, prompts, vocabulary)
    half = decode(engine, prompts[1::2], vocabulary)
    reseeded = SETTINGS.model_copy(update={"seed": SETTINGS.seed + 1})
    other = decode(engine, prompts, vocabulary, reseeded)
    Path(sys.argv[1]).write_text(json.dumps([everything, half, other]))


if __name__ == "__main__":
    main()
