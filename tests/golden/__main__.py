"""`make same-tokens`: does the present code give the results that it is known to give?

If so, its hash joins the present generation, whose results in stores stay valid. If not, a new
generation begins, and what was generated or evaluated with the former ones is made once more.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from eager.generation.provenance import engine_software, processor
from eager.util.files import write_json
from eager.util.fingerprint import GENERATIONS, ROOTS, Kind, code_fingerprint
from tests.golden.cases import CASES, ENGINE

FOLDER = Path(__file__).parent


class CannotTellError(Exception):
    """Results differ and the code need not be the reason."""


def next_generations(
    known: list[list[str]], found: str, different: Iterable[str], same_machine: bool
) -> tuple[list[list[str]], str]:
    """The hashes by generation after a comparison, and what it means.

    Args:
        known: hashes of each generation so far.
        found: hash of the present code.
        different: names of the cases with another result than the present generation's.
        same_machine: whether the results to compare with come from such a processor and software.

    Raises:
        CannotTellError: the machine or its software may be why results differ.
    """
    different = list(different)
    listed = bool(known) and found in known[-1]
    if different and not same_machine and all(name.startswith(ENGINE) for name in different):
        raise CannotTellError("only the engine's results differ, and this is another machine")
    if different and listed:
        raise CannotTellError("the code is that of the present generation")
    if listed:
        return known, f"generation {len(known)}, as listed: the same results"
    if different or not known:
        return [*known, [found]], f"generation {len(known) + 1} begins"
    return [*known[:-1], [*known[-1], found]], f"joins generation {len(known)}: the same results"


def compare(kind: Kind) -> str:
    """Compare one kind of result, and write down what follows.

    Raises:
        CannotTellError: the machine or its software may be why results differ.
    """
    path = FOLDER / f"{kind}.json"
    made_on = f"{processor()}, {engine_software()}"
    before: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"cases": {}}
    now = dict(CASES[kind]())
    names = sorted(before["cases"].keys() | now.keys())
    different = [name for name in names if before["cases"].get(name) != now.get(name)]
    generations = json.loads(GENERATIONS.read_text(encoding="utf-8"))
    found = code_fingerprint(*ROOTS[kind])
    same_machine = before.get("made_on") == made_on
    generations[kind], meaning = next_generations(generations[kind], found, different, same_machine)
    write_json(GENERATIONS, generations)
    if different:
        write_json(path, {"made_on": made_on, "cases": now})
        meaning += f" ({len(different)} of {len(names)} cases differ: {different[0]}, ...)"
    return f"{kind} {found}: {meaning}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden")
    parser.add_argument("kinds", nargs="*", choices=[*CASES, []])
    for kind in parser.parse_args().kinds or CASES:
        try:
            print(compare(kind))
        except CannotTellError as error:
            sys.exit(
                f"{kind}: results are not those of {FOLDER / kind}.json; {error}. Compare where "
                "they were made, at the commit before and at this one"
            )


if __name__ == "__main__":
    main()
