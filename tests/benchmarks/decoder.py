"""Benchmark: the decoder against a loop in the authors' manner, on one engine in one run.

Usage: python -m tests.benchmarks.decoder [--prompts 8] [--max-sequences 8] [--max-tokens 64]
       [--repeats 3]
Writes results/bench/decoder.json. Seconds on shared machines are noise; read the ratios. Each
figure is the median of the repeats.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path
from statistics import median
from time import perf_counter

from eager.allocation import Round
from eager.decoder import Counters, Decoder
from eager.engine import VllmEngine
from eager.files import model_folder, write_json
from eager.prompts import Prompt, Vocabulary
from eager.provenance import describe_run
from eager.settings import DecodingSettings, EngineOptions
from tests.benchmarks.authors_manner import AuthorsManner

ROOT = Path(__file__).parents[2]
MANIFEST = ROOT / "results/models/SmolLM2-135M-Instruct/manifest.json"
OUTPUT = ROOT / "results/bench/decoder.json"
THRESHOLD = 1.0
CONTEXT = 1024


def problems(number: int) -> list[str]:
    lines = (ROOT / "config/data/arithmetic.jsonl").read_text().splitlines()
    texts = [json.loads(line)["problem"] for line in lines]
    return [f"Problem: {text}\nSolution:" for text in texts[-number:]]


def make_model() -> None:
    if not MANIFEST.exists():
        target = str(MANIFEST.relative_to(ROOT))
        subprocess.run(
            [sys.executable, "-m", "snakemake", "--cores", "1", target], cwd=ROOT, check=True
        )


def decode(
    engine: VllmEngine, settings: DecodingSettings, vocabulary: Vocabulary, texts: list[str]
) -> tuple[int, float, Counters]:
    """Generated tokens, seconds and counters of our decoder."""
    cap = settings.max_sequences
    roots = cap if settings.method == "parallel" else 1
    first = Round(0, roots, cap, settings.entropy_threshold or 0.0)
    work = [
        (
            Prompt(id=text, token_ids=tuple(engine.tokenizer.encode(text))),
            lambda rounds, _: None if rounds else first,
        )
        for text in texts
    ]
    decoder = Decoder(engine, settings, vocabulary)
    start = perf_counter()
    runs = [run for finished in decoder.run(work) for run in finished]
    seconds = perf_counter() - start
    trees = [tree for run in runs for _, tree in run.finished]
    return sum(len(s.tokens) for tree in trees for s in tree.sequences), seconds, decoder.counters


def compare(
    engine: VllmEngine,
    eager: DecodingSettings,
    parallel: DecodingSettings,
    vocabulary: Vocabulary,
    texts: list[str],
) -> dict[str, float]:
    """One round: ours, Full Parallel, and the authors' manner, one after the other."""
    tokens, seconds, counters = decode(engine, eager, vocabulary, texts)
    parallel_tokens, parallel_seconds, _ = decode(engine, parallel, vocabulary, texts)
    reference = AuthorsManner(engine, eager, vocabulary.end_of_sequence)
    start = perf_counter()
    for text in texts:
        reference.run(text)
    reference_seconds = perf_counter() - start
    rate, reference_rate = tokens / seconds, reference.tokens / reference_seconds
    return {
        "tokens_per_second": rate,
        "reference_tokens_per_second": reference_rate,
        "speedup": rate / reference_rate,
        "engine_steps": counters.steps,
        "reference_engine_steps": reference.engine_steps,
        "parallel_tokens_per_second": parallel_tokens / parallel_seconds,
        "driver_microseconds_per_token": 1e6 * counters.driver_seconds / counters.tokens,
        "tokens": tokens,
        "reference_tokens": reference.tokens,
    }


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=8)
    parser.add_argument("--max-sequences", type=int, default=8)
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    make_model()
    shared = {
        "max_sequences": options.max_sequences,
        "max_tokens": options.max_tokens,
        "temperature": 0.6,
        "dtype": "float32",
        "seed": 55,
    }
    eager = DecodingSettings(method="eager_init", entropy_threshold=THRESHOLD, **shared)
    parallel = DecodingSettings(method="parallel", **shared)
    vocabulary = Vocabulary(end_of_sequence=(1, 2), end_of_thinking=(), context_length=CONTEXT)
    engine = VllmEngine(
        model_folder(MANIFEST), eager, EngineOptions(), CONTEXT, vocabulary.end_of_sequence
    )
    texts = problems(options.prompts)
    decode(engine, parallel, vocabulary, texts[:1])  # warm up
    rounds = [compare(engine, eager, parallel, vocabulary, texts) for _ in range(options.repeats)]
    result: dict[str, float] = {name: median(r[name] for r in rounds) for name in rounds[0]}
    speedups = [r["speedup"] for r in rounds]
    result |= {"speedup_lowest": min(speedups), "speedup_highest": max(speedups)}
    write_json(OUTPUT, describe_run(vars(options)) | result)
    for name, value in result.items():
        print(f"{name:32} {value:,.2f}")


if __name__ == "__main__":
    main()
