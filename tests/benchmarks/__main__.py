"""All benchmarks: results/bench/*.json and table.md, and the table on the screen.

Usage: python -m tests.benchmarks [PART ...]      parts: micro, limit, states, authors-128,
                                                 authors-512
Every part compares within its own run. Without a part all of them are run; a part that is run
alone replaces its own figures and leaves the others.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from eager.generation.engine import VllmEngine
from eager.generation.provenance import describe_run
from eager.util.files import read_json, write_json, write_text
from tests.benchmarks.figures import Figure, Measured, markdown
from tests.benchmarks.workload import (
    MAX_SEQUENCES,
    ROOT,
    THRESHOLD,
    Decoded,
    decode,
    settings,
    start_engine,
)

OUTPUT = ROOT / "results/bench"
PARTS = ("micro", "limit", "states", "authors-128", "authors-512")
PER_SECOND = {
    "test_answer_equivalence": "answers compared per second",
    "test_sandbox": "programs evaluated per second and core",
}


def micro() -> Iterator[Measured]:
    """Driver, memory of the driver and evaluation; pytest-benchmark's own file lies beside."""
    from tests.benchmarks.memory import driver_bytes

    OUTPUT.mkdir(parents=True, exist_ok=True)
    output = OUTPUT / "pytest-benchmark.json"
    command = [sys.executable, "-m", "pytest", "--quiet", str(Path(__file__).with_name("micro.py"))]
    subprocess.run([*command, f"--benchmark-json={output}"], cwd=ROOT, check=True)
    runs = {run["name"]: run for run in json.loads(output.read_text())["benchmarks"]}
    figures = []
    for live in (64, 256, 1024):
        run = runs[f"test_step_while_branching[{live}]"]
        cost = _microseconds(run)
        growth = run["stats"]["median"] / run["extra_info"]["seconds_with_short_history"]
        figures += [
            Figure.of(
                f"driver, microseconds per token, {live} live sequences",
                cost[1:],
                value=cost[0],
                higher_is_better=False,
                target=10 if live == 256 else None,
            ),
            Figure.of(
                f"driver, growth from 1e3 to 1e7 entropies, {live} live sequences",
                [growth],
                higher_is_better=False,
                target=1.3,
            ),
        ]
    plain = _microseconds(runs["test_step_without_branching"])
    name = "driver, microseconds per token, 256 live sequences that do not branch"
    figures.append(Figure.of(name, plain[1:], value=plain[0], higher_is_better=False))
    figures.append(driver_bytes())
    for test, words in PER_SECOND.items():
        rates = [1e6 / one for one in _microseconds(runs[test])]
        figures.append(Figure.of(words, rates[1:], value=rates[0], higher_is_better=True))
    report = [one / 1e6 for one in _microseconds(runs["test_report"])]
    name = "report, seconds for 320,000 tokens"
    figures.append(Figure.of(name, report[1:], value=report[0], higher_is_better=False))
    yield figures, {}


def limit() -> Iterator[Measured]:
    """Against the replay of the finished trees; what these take in memory and on disk."""
    from tests.benchmarks.against_engine import against_limit
    from tests.benchmarks.memory import result_bytes

    engine = warm_engine()
    last: list[Decoded] = []
    yield from against_limit(engine, last)
    with TemporaryDirectory() as folder:
        yield result_bytes(last[0], engine.texts, Path(folder)), {}


def states() -> Iterator[Measured]:
    """What it costs that an interrupted prompt can go on."""
    from tests.benchmarks.states import state_costs

    yield state_costs(start_engine(ends=())), {}


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
        "states": states,
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


def _microseconds(run: dict[str, Any]) -> tuple[float, float, float]:
    """Median, lowest and highest microseconds per item (first and third quartile for a spread)."""
    stats, items = run["stats"], run["extra_info"]["items"]
    return tuple(1e6 * stats[name] / items for name in ("median", "q1", "q3"))


if __name__ == "__main__":
    main(sys.argv[1:])
