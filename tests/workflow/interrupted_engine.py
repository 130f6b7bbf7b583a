"""Decodes some of the small run's prompts for some steps each, to be killed and started again.

Usage, in the folder of the small run: python interrupted_engine.py METHOD FOLDER STEPS

FOLDER gets the states, `diary.jsonl` (the step that each prompt is at, one line per step and
process) and at the end `sequences.json`.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from eager.algorithm.allocation import Round
from eager.config.settings import DecodingSettings, EngineOptions
from eager.data.models import model_folder
from eager.data.prompts import read_prompts
from eager.generation.decoder import Decoder
from eager.generation.engine import VllmEngine
from eager.generation.snapshots import SnapshotFiles

PROMPTS = Path("results/small/SmolLM2-135M-Instruct/small/prompts.parquet")
MANIFEST = Path("results/models/SmolLM2-135M-Instruct/manifest.json")
COUNT, EVERY, CAP, THETA = 2, 64, 3, 1.0


def main(method: str, folder: Path, steps: int) -> None:
    settings = DecodingSettings(
        method=method,
        max_sequences=CAP,
        entropy_threshold=None if method == "parallel" else THETA,
        temperature=0.6,
        max_tokens=steps,
        dtype="float32",
        seed=55,
        snapshot_steps=EVERY,
    )
    prompts, vocabulary = read_prompts(PROMPTS)
    # Nothing ends a sequence but its length.
    endless = vocabulary.model_copy(update={"end_of_sequence": (vocabulary.context_length * 100,)})
    engine = VllmEngine(
        model_folder(MANIFEST), settings, EngineOptions(), vocabulary.context_length, ()
    )
    paths = [folder / f"{prompt.id}.states" for prompt in prompts]
    decoder = Decoder(engine, settings, endless, SnapshotFiles(paths, print))
    round_ = Round(0, CAP if method == "parallel" else 1, CAP, settings.entropy_threshold or 0.0)
    work = [(prompt, lambda done, _: None if done else round_) for prompt in prompts[:COUNT]]
    runs = []
    with (folder / "diary.jsonl").open("a", buffering=1) as diary:
        for finished in decoder.run(work):
            at = {live.run.prompt.id: live.tree.steps for live in decoder._live.values()}
            diary.write(json.dumps({"process": os.getpid(), "at": at}) + "\n")
            runs += finished
    trees = {run.prompt.id: run.finished[0][1] for run in runs}
    content = {
        name: [tree.tokens(number).tolist() for number in range(len(tree.sequences))]
        for name, tree in trees.items()
    }
    (folder / "sequences.json").write_text(json.dumps(content))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
