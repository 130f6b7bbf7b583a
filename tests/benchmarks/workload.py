"""What the engine benchmarks decode: the demo's model and problems, and how they are timed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from time import perf_counter, process_time

from eager.algorithm.allocation import Round
from eager.algorithm.branching import PromptTree
from eager.config.settings import DecodingSettings, EngineOptions
from eager.data.models import model_folder
from eager.data.prompts import Prompt, Vocabulary
from eager.generation.decoder import Decoder
from eager.generation.engine import VllmEngine
from eager.generation.prompt_run import Counters
from tests.support.repository import ROOT

MANIFEST = ROOT / "results/models/SmolLM2-135M-Instruct/manifest.json"
CONTEXT = 1024
VOCABULARY = Vocabulary(end_of_sequence=(1, 2), end_of_thinking="</think>", context_length=CONTEXT)
MAX_SEQUENCES = 8
THRESHOLD = 2.4  # nats: the paper's theta for full EAGer

REQUEST = "Think aloud, step by step, check every step, and explain each of them at length."

# On one core (taskset -c 0 make bench) the engine has one thread, and its CPU seconds are what the
# work costs whatever else the machine does meanwhile.
timer = process_time if len(os.sched_getaffinity(0)) == 1 else perf_counter


@dataclass(frozen=True)
class Decoded:
    """One run of our decoder. `tokens` counts generated ones, an inherited one once."""

    texts: list[str]
    trees: list[PromptTree]
    tokens: int
    seconds: float
    counters: Counters


def problems(engine: VllmEngine, number: int) -> list[str]:
    """The demo's problems, sums and programs in turn, as chats that ask for long reasoning.

    Long, because that is what the method is for: asked plainly, this model answers a third of them
    within twenty tokens, and what is measured is how few prompts are left.
    """
    sums = [row["problem"] for row in _rows("arithmetic")]
    programs = [f"Complete this function:\n```\n{row['prompt']}```" for row in _rows("minicode")]
    mixed = [text for pair in zip(sums, programs, strict=False) for text in pair]
    mixed += sums[len(programs) :]
    assert number <= len(mixed)
    return [
        engine.texts.tokenizer.apply_chat_template(
            [{"role": "user", "content": f"{REQUEST}\n\n{text}"}],
            tokenize=False,
            add_generation_prompt=True,
        )
        for text in mixed[:number]
    ]


def settings(max_tokens: int, method: str = "eager_init") -> DecodingSettings:
    return DecodingSettings(
        method=method,
        max_sequences=MAX_SEQUENCES,
        entropy_threshold=None if method == "parallel" else THRESHOLD,
        max_tokens=max_tokens,
        temperature=0.6,
        dtype="float32",
        seed=55,
    )


def start_engine() -> VllmEngine:
    """The demo's model in vLLM; made first if it is not there."""
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    if not MANIFEST.exists():
        target = str(MANIFEST.relative_to(ROOT))
        subprocess.run(
            [sys.executable, "-m", "snakemake", "--cores", "1", target], cwd=ROOT, check=True
        )
    return VllmEngine(
        model_folder(MANIFEST),
        settings(CONTEXT),
        EngineOptions(),
        CONTEXT,
        VOCABULARY.end_of_sequence,
    )


def decode(engine: VllmEngine, chosen: DecodingSettings, texts: list[str]) -> Decoded:
    """Decode with an empty prefix cache."""
    engine.llm_engine.reset_prefix_cache()
    roots = chosen.max_sequences if chosen.method == "parallel" else 1
    first = Round(0, roots, chosen.max_sequences, chosen.entropy_threshold or 0.0)
    work = [
        (
            Prompt(id=text, token_ids=tuple(engine.texts.tokenizer.encode(text))),
            lambda rounds, _: None if rounds else first,
        )
        for text in texts
    ]
    decoder = Decoder(engine, chosen, VOCABULARY, engine.texts)
    start = timer()
    runs = [run for finished in decoder.run(work) for run in finished]
    seconds = timer() - start
    runs.sort(key=lambda run: run.priority)
    trees = [tree for run in runs for _, tree in run.finished]
    tokens = sum(len(sequence.tokens) for tree in trees for sequence in tree.sequences)
    return Decoded(texts, trees, tokens, seconds, decoder.counters)


def _rows(name: str) -> list[dict[str, str]]:
    lines = (ROOT / f"config/data/{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]
