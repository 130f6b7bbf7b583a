"""Compare the last `make bench` with the committed figures; fail where one is worse by a third.

Usage: python -m tests.benchmarks.check [--accept]
With --accept the last run becomes the reference (`reference.json`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from eager.util.files import read_json, write_json
from tests.benchmarks.__main__ import OUTPUT, PARTS, heading, read_figures
from tests.benchmarks.figures import Figure

REFERENCE = Path(__file__).with_name("reference.json")


def problems(reference: Mapping[str, float], measured: Iterable[Figure]) -> list[str]:
    """What is worse by a third, or was not measured."""
    figures = {figure.name: figure for figure in measured}
    found = []
    for name, value in reference.items():
        figure = figures.get(name)
        if figure is None:
            found.append(f"not measured: {name}")
        elif figure.is_worse_by_a_third(value):
            found.append(f"{name}: {figure.value:.3g}, the reference is {value:.3g}")
    return found


def main() -> None:
    """Exit code 1 if there is anything to say."""
    missing = [part for part in PARTS if not (OUTPUT / f"{part}.json").exists()]
    if missing:
        raise SystemExit(f"run make bench first: {', '.join(missing)} of results/bench is missing")
    figures = read_figures()
    if "--accept" in sys.argv[1:]:
        values = {figure.name: round(figure.value, 4) for figure in figures}
        write_json(REFERENCE, {"run": heading().strip(), "figures": values})
        return
    found = problems(read_json(REFERENCE)["figures"], figures)
    for line in found:
        print(f"WORSE BY A THIRD {line}")
    if found:
        raise SystemExit(1)
    print(f"no figure is worse by a third than in {REFERENCE.name}")


if __name__ == "__main__":
    main()
