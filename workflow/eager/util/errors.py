"""The one exception that is shown to people instead of a traceback."""

from __future__ import annotations


class EagerError(Exception):
    """A mistake in the input or the surroundings.

    The message says what is wrong, where (file, row, key) and what to write or do instead. The
    command line prints it without a traceback and exits with `exit_code`.
    """

    exit_code = 1
