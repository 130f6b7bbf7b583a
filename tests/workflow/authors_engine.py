"""Run as a program: the prompts of a recorded run by the rule `authors` on the real engine.

Usage: python -m tests.workflow.authors_engine MODEL RUN OUTPUT; writes branches and entropies.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from eager.algorithm.allocation import Round
from eager.config.settings import DecodingSettings, EngineOptions
from eager.data.model_settings import end_of_sequence
from eager.data.prompts import Prompt, Vocabulary
from eager.data.tokenization import load_tokenizer
from eager.generation.decoder import Decoder
from eager.generation.engine import VllmEngine
from tests.support.authors_runs import Run, read_run


def generate(folder: Path, run: Run) -> list[dict[str, Any]]:
    """What came of every prompt, in order."""
    tokenizer = load_tokenizer(folder)
    ends = end_of_sequence(tokenizer, folder)
    settings = DecodingSettings(
        method="eager_init",
        max_sequences=run.max_sequences,
        entropy_threshold=run.theta,
        temperature=0.01,
        max_tokens=run.steps,
        dtype="float32",
        seed=55,
        rule="authors",
    )
    engine = VllmEngine(folder, settings, EngineOptions(cpu_kv_cache_gib=1), 512, ends)
    vocabulary = Vocabulary(end_of_sequence=ends, context_length=512)
    only = Round(0, 1, run.max_sequences, run.theta)
    work = [
        (
            Prompt(id=str(number), token_ids=tuple(tokenizer.encode(prompt.prompt))),
            lambda finished, _: None if finished else only,
        )
        for number, prompt in enumerate(run.initial)
    ]
    decoder = Decoder(engine, settings, vocabulary, engine.texts)
    runs = [run for finished in decoder.run(work) for run in finished]
    trees = [run.finished[0][1] for run in sorted(runs, key=lambda run: run.priority)]
    return [
        {
            "branches": [
                [b.parent, b.step, *(tokenizer.decode([token]) for token in (b.kept, b.forked))]
                for b in tree.branches
            ],
            "entropies": [[-1.0] * s.birth + list(s.step_entropies) for s in tree.sequences],
        }
        for tree in trees
    ]


if __name__ == "__main__":
    model, name, output = sys.argv[1:]
    Path(output).write_text(json.dumps(generate(Path(model), read_run(name))))
