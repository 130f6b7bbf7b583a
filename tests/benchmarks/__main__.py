"""All benchmarks: results/bench/*.json and table.md, and the table on the screen.

Usage: python -m tests.benchmarks [PART ...]      parts: micro, limit, authors-128, authors-512
Every part compares within its own run. Without a part all of them are run; a part that is run
alone replaces its own figures and leaves the others.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from eager.generation.engine import VllmEngine
from eager.generation.provenance import describe_run
from eager.util.files import read_json, write_json, write_text
from tests.benchmarks.figures import Figure, Measured, markdown
from tests.benchmarks.workload import (
    MAX_SEQUENCES,
    ROOT,
    THRESHOLD,
    decode,
    settings,
    start_engine,
)

OUTPUT = ROOT / "results/bench"
PARTS = ("micro", "limit", "authors-128", "authors-512")


def micro() -> Iterator[Measured]:
    """The driver, with a simulator in the engine's place."""
    from tests.benchmarks.driver import driver_figures

    yield driver_figures(), {}


def limit() -> Iterator[Measured]:
    """Against the replay of the finished trees; what these take in memory and on disk."""
    from tests.benchmarks.against_engine import against_limit

    yield from against_limit(warm_engine())


def authors(max_tokens: int) -> Iterator[Measured]:
    """Against a loop like the reference implementation."""
    from tests.benchmarks.against_engine import against_authors

    yield from against_authors(warm_engine(), max_tokens)


def warm_engine() -> VllmEngine:
    """An engine that has decoded something."""
    engine = start_engine()
    decode(engine, settings(16), ["Warm up."] * 8)
    return engine


def run_part(part: str) -> None:
    """Measure a part; what has been measured is written at once."""
    measure: dict[str, Callable[[], Iterator[Measured]]] = {
        "micro": micro,
        "limit": limit,
        "authors-128": lambda: authors(128),
        "authors-512": lambda: authors(512),
    }
    parameters = {"part": part, "max_sequences": MAX_SEQUENCES, "entropy_threshold": THRESHOLD}
    figures: list[dict[str, Any]] = []
    details: dict[str, Any] = {}
    for more, behind in measure[part]():
        figures += [asdict(figure) for figure in more]
        details |= behind
        content = describe_run(parameters, figures=figures, details=details)
        write_json(OUTPUT / f"{part}.json", content)


def read_figures() -> list[Figure]:
    """The figures of every part that has been run."""
    paths = [OUTPUT / f"{part}.json" for part in PARTS]
    return [
        Figure(**figure) for path in paths if path.exists() for figure in read_json(path)["figures"]
    ]


def heading() -> str:
    """Date, machine and versions of the parts that have been run."""
    path = next(path for part in PARTS if (path := OUTPUT / f"{part}.json").exists())
    run = read_json(path)
    versions = ", ".join(f"{name} {number}" for name, number in run["versions"].items())
    hardware = run["hardware"]
    return (
        f"{run['finished_at'][:10]}, {hardware['processor']} (cores: {hardware['cores']}), "
        f"{versions}; SmolLM2-135M-Instruct, M = {MAX_SEQUENCES}, theta = {THRESHOLD:g}.\n\n"
    )


def main(parts: Sequence[str]) -> None:
    """Run parts, each in a process of its own (an engine ends with its process)."""
    unknown = set(parts) - set(PARTS)
    if unknown:
        raise SystemExit(
            f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}"
        )
    if len(parts) == 1:
        run_part(parts[0])
    else:
        for part in parts or PARTS:
            subprocess.run([sys.executable, "-m", "tests.benchmarks", part], cwd=ROOT, check=True)
    table = heading() + markdown(read_figures())
    write_text(OUTPUT / "table.md", table)
    if len(parts) != 1:
        print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
