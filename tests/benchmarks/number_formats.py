"""Which promises hold in which number format: the same tokens again, elsewhere, and alone.

Usage: python -m tests.benchmarks.number_formats; after `make demo`, minutes. It decodes the demo's
arithmetic problems with EAGer-init, twice in one process, once in another, and each by itself.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eager.data.prompts import read_prompts
from eager.machine.probes import decode
from eager.machine.trial import Trial, load
from eager.report.tables.rendering import markdown
from eager.util.files import read_json, write_json

FORMATS = ("float32", "bfloat16")
DEMO = Path("results/demo/SmolLM2-135M-Instruct/arithmetic/prompts.parquet")
MODEL = Path("results/models/SmolLM2-135M-Instruct/manifest.json")
Trees = dict[str, Any]
"""Tokens by prompt and sequence, under `whole`, `again` and `alone`."""
SAME: dict[str, Callable[[Trees, Trees], list[bool]]] = {
    "again in one process": lambda one, _: _equal(one["whole"], one["again"]),
    "in another process": lambda one, other: _equal(one["whole"], other["whole"]),
    "alone and among others": lambda one, _: _equal(one["whole"], one["alone"]),
}


def measure(dtype: str, output: Path) -> None:
    """Decode in one number format; what came out is written as JSON."""
    trial = Trial.model_validate(
        {
            "kind": "whole",
            "manifest": MODEL,
            "prompts": DEMO,
            "store": output.with_suffix(".store"),
            "dtype": dtype,
            "prompts_decoded": 28,
            "tokens": 64,
        }
    )
    prompts, vocabulary = read_prompts(DEMO)
    engine, _ = load(trial, vocabulary)

    def tokens(some: Any) -> Any:
        return decode(engine, trial.settings, some, vocabulary)[0].tokens()

    whole, again = tokens(prompts), tokens(prompts)
    alone = [tokens([prompt])[0] for prompt in prompts]
    write_json(output, {"whole": whole, "again": again, "alone": alone})


def _equal(one: Any, other: Any) -> list[bool]:
    return [ours == theirs for ours, theirs in zip(one, other, strict=True)]


def main() -> None:
    """Print the table."""
    rows = [["prompts with the same tokens", *FORMATS]]
    with tempfile.TemporaryDirectory() as folder:
        found = {}
        for dtype in FORMATS:
            files = [Path(folder, f"{dtype}-{number}.json") for number in (1, 2)]
            for file in files:
                command = [sys.executable, "-m", __spec__.name, dtype, str(file)]
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            found[dtype] = [read_json(file) for file in files]
    for name, compare in SAME.items():
        same = {dtype: compare(*trees) for dtype, trees in found.items()}
        rows.append([name, *(f"{sum(flags)} of {len(flags)}" for flags in same.values())])
    print(markdown({}, rows))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
