"""The one exception that is shown to users as a message, without a traceback."""

from __future__ import annotations


class EagerError(Exception):
    """A mistake in the input or the environment.

    The message says what is wrong, where (file, row, key) and what to write or do instead. The
    command line prints it without a traceback and exits with `exit_code`.
    """

    exit_code = 1


def one_line(error: BaseException) -> str:
    """The first line of another program's error, with its kind."""
    return f"{type(error).__name__}: {(str(error).splitlines() or ['no details'])[0]}"
