"""Python as on another machine, for steps of the workflow: another day, folders in another order.

Durations are counted, not measured: they stand in results, and no two runs take equally long.
"""

from __future__ import annotations

import builtins
import datetime
import itertools
import os
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any, Self

NOW = float(os.environ["OTHER_NOW"])
BACKWARDS = os.environ["OTHER_ORDER"] == "backwards"
LOOKING = frozenset({"eager", "transformers", "matplotlib", "rocrate"})
"""Packages that are shown the other day; compiled ones need the true class."""
import_, scandir, listdir = builtins.__import__, os.scandir, os.listdir


class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz: Any = None) -> Clock:
        return cls.fromtimestamp(NOW, tz)


class Entries:
    """What `os.scandir` gives, in order."""

    def __init__(self, path: Any = ".") -> None:
        with scandir(path) as found:
            self._found = iter(sorted(found, key=lambda e: e.name, reverse=BACKWARDS))

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        return next(self._found)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


OTHER = ModuleType("datetime")
vars(OTHER).update(vars(datetime), datetime=Clock)


def import_other(name: str, *words: Any, **named: Any) -> Any:
    if name == "datetime" and words and words[0]["__name__"].split(".")[0] in LOOKING:
        return OTHER
    return import_(name, *words, **named)


if any(Path(word).name == "eager" for word in sys.orig_argv):
    builtins.__import__ = import_other
    time.time = lambda: NOW
    time.perf_counter = itertools.count(step=0.001).__next__
    os.scandir = Entries  # type: ignore[assignment]
    os.listdir = lambda path=".": sorted(listdir(path), reverse=BACKWARDS)  # type: ignore[assignment]
