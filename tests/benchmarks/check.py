"""Compare the last `make bench` with the committed figures; fail where one is worse by a third.

Usage: python -m tests.benchmarks.check [--accept]
With --accept the last run becomes the reference (`reference.json`).
"""

from __future__ import annotations

import sys
from pathlib import Path

from eager.util.files import read_json, write_json
from tests.benchmarks.__main__ import OUTPUT, PARTS, heading, read_figures

REFERENCE = Path(__file__).with_name("reference.json")


def accept() -> None:
    """Make the last run the reference."""
    values = {figure.name: round(figure.value, 4) for figure in read_figures()}
    write_json(REFERENCE, {"run": heading().strip(), "figures": values})


def problems() -> list[str]:
    """What is worse by a third, or was not measured."""
    measured = {figure.name: figure for figure in read_figures()}
    found = []
    for name, reference in read_json(REFERENCE)["figures"].items():
        figure = measured.get(name)
        if figure is None:
            found.append(f"not measured: {name}")
        elif figure.is_worse_by_a_third(reference):
            found.append(f"{name}: {figure.value:.3g}, the reference is {reference:.3g}")
    return found


def main() -> None:
    """Exit code 1 if there is anything to say."""
    missing = [part for part in PARTS if not (OUTPUT / f"{part}.json").exists()]
    if missing:
        raise SystemExit(f"run make bench first: {', '.join(missing)} of results/bench is missing")
    if "--accept" in sys.argv[1:]:
        accept()
        return
    found = problems()
    for line in found:
        print(f"WORSE BY A THIRD {line}")
    if found:
        raise SystemExit(1)
    print(f"no figure is worse by a third than in {REFERENCE.name}")


if __name__ == "__main__":
    main()
