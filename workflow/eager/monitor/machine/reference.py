"""The most likely tokens that the CPU build chose for some of the demo's prompts.

`greedy.json` was made on a CPU by `python -m eager.monitor.machine.reference MANIFEST PROMPTS`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from eager.config.settings import DecodingSettings, StrictModel
from eager.data.prompts import Prompt, read_prompts
from eager.monitor.machine import behaviour
from eager.monitor.machine.invariants import TOLERANCE, greedy_agreement
from eager.monitor.machine.verdicts import Line
from eager.util.files import read_json, write_json

if TYPE_CHECKING:
    from eager.monitor.machine.probed import ProbedEngine
    from eager.monitor.machine.trial import Trial

REFERENCE = Path(__file__).with_name("greedy.json")
PROMPTS, TOKENS = 4, 24


class GreedyTokens(StrictModel):
    """One prompt's tokens, and how much likelier (nats) each is than the second."""

    prompt: tuple[int, ...]
    tokens: tuple[int, ...]
    margins: tuple[float, ...]


class Reference(StrictModel):
    """Where the tokens are from, and the tokens by prompt."""

    vllm: str
    machine: str
    date: str
    dtype: str
    model: dict[str, str]
    prompts: dict[str, GreedyTokens]


def read_reference() -> Reference:
    """The recorded tokens."""
    return Reference.model_validate(read_json(REFERENCE))


def compare(
    engine: ProbedEngine, settings: DecodingSettings, trial: Trial, reference: Reference
) -> Line:
    """The engine's most likely tokens against the recorded ones."""
    prompts = [Prompt(id=name, token_ids=entry.prompt) for name, entry in reference.prompts.items()]
    found = behaviour.greedy(engine, settings, prompts, TOKENS)
    line = greedy_agreement(
        {name: (entry.tokens, entry.margins) for name, entry in reference.prompts.items()},
        {name: tokens for name, (tokens, _) in found.items()},
        TOLERANCE[trial.dtype],
    )
    if line.verdict == "differs" and read_json(trial.manifest)["files"] != reference.model:
        to_do = "the model's files are not those of the reference: fetch the demo's model again"
        return line.model_copy(update={"to_do": to_do})
    return line


def record(manifest: Path, prompts: Path) -> Reference:
    """Ask the engine of this machine."""
    from datetime import UTC, datetime

    from eager.generation.provenance import describe_run
    from eager.monitor.machine.trial import Trial, load

    every, vocabulary = read_prompts(prompts)
    trial = Trial(
        kind="whole", manifest=manifest, prompts=prompts, store=Path("none"), dtype="float32"
    )
    engine, _ = load(trial, vocabulary)
    chosen = every[:: max(1, len(every) // PROMPTS)][:PROMPTS]
    found = behaviour.greedy(engine, trial.settings, chosen, TOKENS)
    told = describe_run({})
    return Reference(
        vllm=next(v for n, v in told["versions"].items() if n.startswith("vllm")),
        machine=f"{told['hardware']['processor']}, {told['hardware']['cores']} cores",
        date=datetime.now(UTC).date().isoformat(),
        dtype=trial.dtype,
        model=read_json(manifest)["files"],
        prompts={
            prompt.id: GreedyTokens(
                prompt=prompt.token_ids,
                tokens=tuple(found[prompt.id][0]),
                margins=tuple(round(margin, 4) for margin in found[prompt.id][1]),
            )
            for prompt in chosen
        },
    )


if __name__ == "__main__":
    write_json(REFERENCE, record(Path(sys.argv[1]), Path(sys.argv[2])).model_dump(mode="json"))
