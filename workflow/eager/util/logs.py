"""Log files of steps: everything a step prints, and the error that stopped it."""

from __future__ import annotations

import fcntl
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, TextIO

import typer

from eager.util.errors import EagerError
from eager.util.files import places_told

LogOption = Annotated[Path | None, typer.Option(help="file for everything the step prints")]
"""The option of a step for its log."""


@contextmanager
def output_to_log(log: Path | None) -> Iterator[TextIO]:
    """Send everything this process prints to a log file; yields the terminal's stream.

    Libraries below Python write to the file descriptors themselves, so these are redirected. With
    no log nothing is redirected. The log is locked while something of the step may write to it.
    """
    if log is None:
        yield sys.stderr
        return
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    with (
        log.open("w", encoding="utf-8") as file,
        os.fdopen(os.dup(2), "w", encoding="utf-8") as terminal,
    ):
        with suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        try:
            yield terminal
        finally:
            with suppress(OSError):  # the disk may be full
                sys.stdout.flush()
                sys.stderr.flush()
            for number, descriptor in enumerate(saved, start=1):
                os.dup2(descriptor, number)
                os.close(descriptor)


@contextmanager
def logged_step(log: Path | None) -> Iterator[TextIO]:
    """Run a step with its output in the log, which also gets the error that stops it.

    Snakemake shows the log of a failing job; `main` and Python print the error on the terminal.
    """
    with output_to_log(log) as terminal:
        try:
            with places_told():
                yield terminal
        except Exception as error:
            with suppress(OSError):
                if log is not None and isinstance(error, EagerError):
                    print(f"error: {error}", file=sys.stderr)
                elif log is not None:
                    traceback.print_exc()
            raise


def is_being_written(log: Path) -> bool | None:
    """Whether a step that writes a log has not ended; None: the file system has no locks."""
    try:
        with log.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    return False
