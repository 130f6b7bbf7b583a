"""Reads what mutmut found; fails where tests notice too few changes. `make mutants` calls it."""

from __future__ import annotations

import json
import sys

from mutmut.stats import status_by_exit_code

from tests.support.repository import ROOT

LEAST = 0.85
NOTICED = {"killed", "timeout", "segfault"}


def main() -> int:
    """One line per module, and the name of every change that no test noticed."""
    files = sorted((ROOT / "build/mutation/mutants/src/eager").rglob("*.py.meta"))
    failed = not files
    for file in files:
        codes = json.loads(file.read_text())["exit_code_by_key"]
        unnoticed = [
            f"{name}: {status}"
            for name, code in codes.items()
            if (status := status_by_exit_code[code]) not in NOTICED
        ]
        share = 1 - len(unnoticed) / len(codes)
        failed = failed or share < LEAST
        print(f"{file.name.removesuffix('.meta')}: {share:.1%} of {len(codes)} noticed")
        print("".join(f"  {line}\n" for line in unnoticed), end="")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
