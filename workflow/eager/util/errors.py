"""The one exception that is shown to users as a message, without a traceback."""

from __future__ import annotations

LONGEST = 500
"""Characters of another program's message that are shown."""


class EagerError(Exception):
    """A mistake in the input or the environment.

    The message says what is wrong, where (file, row, key) and what to write or do instead. The
    command line prints it without a traceback and exits with `exit_code`.
    """

    exit_code = 1


def one_line(error: BaseException) -> str:
    """The first line of another program's error, with its kind."""
    line = (str(error).splitlines() or ["no details"])[0]
    return f"{type(error).__name__}: {line[:LONGEST]}"
