"""The live line of a long job: what is done, how fast, how long still."""

from __future__ import annotations

import sys
from time import monotonic
from typing import TextIO

TERMINAL_INTERVAL = 0.5
PLAIN_INTERVAL = 10.0


class Progress:
    """Writes a line about a job, over itself on a terminal, now and then elsewhere.

    Args:
        label: names the job.
        total: prompts to do.
        stream: where people look.
    """

    def __init__(self, label: str, total: int, stream: TextIO) -> None:
        self._label = label
        self._total = total
        self._stream = stream
        self._live = stream.isatty()
        self._start = monotonic()
        self._last = self._start
        self._done_before = 0

    def begin(self, done: int) -> None:
        """Say how many prompts an earlier run has finished already."""
        self._done_before = done
        note = f", {done} of them found finished" if done else ""
        self._write(f"{self._label}: {self._total} prompts{note}", last=True)

    def say(self, text: str) -> None:
        """Tell people something, and the log."""
        self._write(f"{self._label}: {text}", last=True)
        if self._stream is not sys.stderr:
            print(text, file=sys.stderr, flush=True)

    def update(self, done: int, live_sequences: int, forks: int, tokens: int) -> None:
        """Say where the job is, if the last line is old enough."""
        now = monotonic()
        if now - self._last < (TERMINAL_INTERVAL if self._live else PLAIN_INTERVAL):
            return
        self._last = now
        self._write(self._line(done, live_sequences, forks, tokens, now), last=False)

    def end(self, done: int, forks: int, tokens: int) -> None:
        """The last line."""
        self._write(self._line(done, 0, forks, tokens, monotonic()), last=True)

    def _line(self, done: int, live_sequences: int, forks: int, tokens: int, now: float) -> str:
        seconds = max(now - self._start, 1e-9)
        fresh = done - self._done_before
        left = f"{seconds / fresh * (self._total - done):,.0f} s left" if fresh else "time unknown"
        return (
            f"{self._label}: {done}/{self._total} prompts, {live_sequences} live sequences, "
            f"{forks} branches, {tokens:,} tokens, {tokens / seconds:,.0f} tokens/s, {left}"
        )

    def _write(self, line: str, *, last: bool) -> None:
        if self._live:
            self._stream.write("\r\x1b[2K" + line + ("\n" if last else ""))
        else:
            self._stream.write(line + "\n")
        self._stream.flush()
