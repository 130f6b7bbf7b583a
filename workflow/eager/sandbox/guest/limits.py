"""How long a solution may take, whatever else the machine is doing.

CPU time decides: of the solution process with its threads and of any process it may have started,
as the kernel counts it, read by the supervisor from outside. A solution that waits instead of
computing spends no CPU time, so time asleep has a limit of its own; time spent waiting for a core
counts for neither. A wall-clock limit, many times longer, ends what escapes both. Whatever ended
for another reason than CPU time is evaluated again alone by the launcher.

Runs inside the container: standard library only.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from itertools import accumulate

# The process stops itself at the limit of a call, as in evalplus; only one that disarmed its
# timer is still running this much later.
GRACE_SECONDS = 0.5
# A call may sleep as long as its limit, and this much more.
SLEEP_SPARE_SECONDS = 1.0
# The wall clock may show this many times a limit, and this much more.
WALL_FACTOR = 5.0
WALL_SPARE_SECONDS = 30.0
# How often a process that sends nothing is looked at.
SAMPLE_SECONDS = 0.05

TIMEOUT = "timeout"
BACKSTOP = "backstop"

_CPUCLOCK_SCHED = 2
# Running or waiting for a core, and waiting for a disk.
_BUSY_STATES = (b"R", b"D")


def wall_seconds(cpu_seconds: float) -> float:
    """Seconds on the wall clock after which a limit of CPU seconds counts as missed."""
    return WALL_FACTOR * cpu_seconds + WALL_SPARE_SECONDS


def sleep_seconds(cpu_seconds: float) -> float:
    """Seconds that a call with a limit of CPU seconds may sleep."""
    return cpu_seconds + SLEEP_SPARE_SECONDS


def running_processes() -> set[int]:
    """Every process that can be seen from here."""
    return {int(name) for name in os.listdir("/proc") if name.isdigit()}


class ProcessClock:
    """CPU seconds and sleep of a process, its threads, and whatever else has started since."""

    def __init__(self, pid: int, others: set[int]) -> None:
        """`others`: processes that were there before and do not count."""
        self._pid = pid
        self._others = others
        self._seconds: dict[int, float] = {}
        # CPU seconds, wall clock and whether it slept, at the last sample.
        self._last = (0.0, 0.0, False)

    def _processes(self) -> set[int]:
        return running_processes() - self._others | {self._pid}

    def cpu(self) -> float:
        """CPU seconds up to now; those of a process that has ended stay counted."""
        for pid in self._processes():
            try:
                # The kernel's encoding of "CPU time of that process" in a clock's number.
                self._seconds[pid] = time.clock_gettime(~pid << 3 | _CPUCLOCK_SCHED)
            except OSError:
                continue
        return sum(self._seconds.values())

    def slept(self, cpu: float, wall: float) -> float:
        """Seconds asleep since the last sample, given CPU seconds and time now.

        All of them where it slept at both ends and used no CPU time in between; otherwise no more
        than SAMPLE_SECONDS, so that a supervisor that waits for a core charges nobody for it.
        """
        last_cpu, last_wall, slept_before = self._last
        asleep = not any(_is_busy(pid) for pid in self._processes())
        self._last = (cpu, wall, asleep)
        if asleep and slept_before and cpu == last_cpu:
            return wall - last_wall
        return max(0.0, SAMPLE_SECONDS - (cpu - last_cpu)) if asleep else 0.0


def _is_busy(pid: int) -> bool:
    """Whether a thread of a process runs or waits for a core or a disk; True if that is unknown."""
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/stat", "rb") as file:
                # The name before the state is the solution's to choose, brackets included.
                if file.read().rpartition(b") ")[2][:1] in _BUSY_STATES:
                    return True
    except OSError:
        return True
    return False


class TimeKeeper:
    """Decides from CPU time, sleep and wall clock whether a run is over; no clock of its own."""

    def __init__(self, limits: Sequence[float], total: float, wall: float) -> None:
        """`limits`: CPU seconds of each call; `total`: of the run; `wall`: the time now."""
        self._limits = limits
        # The longest limit of the calls from each one on.
        self._longest = list(accumulate(reversed(limits), max, initial=0.0))[::-1]
        self._total = total
        self._start = self._wall = wall
        self._cpu = 0.0
        self._slept = self._slept_in_call = 0.0
        self._tests = 0
        self._loaded = self._changed = False

    def check(self, cpu: float, wall: float, slept: float = 0.0) -> str:
        """TIMEOUT, BACKSTOP, or nothing if the run may go on.

        Args:
            cpu: CPU seconds of the run up to now.
            wall: the time now.
            slept: seconds asleep since the last call of this method.
        """
        self._slept += slept
        self._slept_in_call += slept
        if cpu > self._total:
            return TIMEOUT
        # Replies come several at a time, so the call under way may be any of those to come.
        limit = self._longest[min(self._tests, len(self._longest) - 1)]
        if self._loaded and cpu - self._cpu > limit + GRACE_SECONDS:
            return TIMEOUT
        if self._slept > self._total or wall - self._start > wall_seconds(self._total):
            return BACKSTOP
        if self._loaded and (
            self._slept_in_call > sleep_seconds(limit) or wall - self._wall > wall_seconds(limit)
        ):
            return BACKSTOP
        return ""

    def arrive(self, tests: int, loaded: bool, cpu: float, wall: float) -> str:
        """Note replies to `tests` calls so far; TIMEOUT or BACKSTOP if they came too late.

        Several replies at once may have taken the sum of their limits: a supervisor that had to
        wait for a core finds them all together. As long as none comes, `check` allows no more
        than the limit of one.
        """
        # There may be more replies than tests: a solution can write what it likes.
        new = self._limits[self._tests : tests]
        self._changed = tests > self._tests or loaded != self._loaded
        if not self._changed:
            return self.check(cpu, wall)
        allowed = sum(new)
        if cpu > self._total or (self._loaded and cpu - self._cpu > allowed + GRACE_SECONDS):
            return TIMEOUT
        if self._loaded and self._slept_in_call > sleep_seconds(allowed):
            return BACKSTOP
        self._tests, self._loaded = tests, loaded
        return ""

    def go_on(self, cpu: float, wall: float, waited: float) -> None:
        """Start the next call's time, after `waited` seconds in which the launcher did not read."""
        self._start += waited
        self._wall += waited
        if self._changed:
            self._cpu, self._wall, self._slept_in_call = cpu, wall, 0.0
