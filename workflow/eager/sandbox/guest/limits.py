"""How long a solution may take, whatever else the machine is doing.

CPU time decides: of the solution process with its threads and of any process it may have started,
as the kernel counts it, read by the supervisor from outside. A solution that waits instead of
computing spends no CPU time, so time asleep has a limit of its own; time spent waiting for a core
counts for neither. A wall-clock limit, many times longer, ends what escapes both. Whatever ended
for another reason than CPU time is evaluated again alone by the launcher.

Runs inside the container: standard library only.
"""

from __future__ import annotations

import contextlib
import os
import time

# The process stops itself at the limit of a call, as in evalplus; only one that disarmed its
# timer is still running this much later.
GRACE_SECONDS = 0.5
# The module and what it imports: the calls of a task with one input may take less.
LOADING_SECONDS = 10.0
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
        self._clock = _clock_of(pid)
        self._own = self._of_others = 0.0
        self._seconds: dict[int, float] = {}
        # CPU seconds, wall clock and whether it slept, at the last sample.
        self._last = (0.0, 0.0, False)

    def _processes(self) -> set[int]:
        return running_processes() - self._others | {self._pid}

    def cpu(self) -> float:
        """CPU seconds up to now; those of a process that has ended stay counted."""
        for pid in self._processes() - {self._pid}:
            with contextlib.suppress(OSError):
                self._seconds[pid] = time.clock_gettime(_clock_of(pid))
        self._of_others = sum(self._seconds.values())
        return self.own_cpu()

    def own_cpu(self) -> float:
        """The same without looking for other processes again, which takes longer."""
        # At every reply: `contextlib.suppress` takes longer than the call.
        try:
            own = time.clock_gettime(self._clock)
        except OSError:
            own = self._own
        self._own = own
        return own + self._of_others

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


def _clock_of(pid: int) -> int:
    """The number that the kernel gives to the clock of a process's CPU time."""
    return ~pid << 3 | _CPUCLOCK_SCHED


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
    """Decides from CPU time, sleep and wall clock whether a run is over; no clock of its own.

    A run is a row of stretches, each with its limit: the loading of the module, then every call
    from the moment it is sent until its reply is whole. Nothing lies between two stretches.
    """

    def __init__(self, total: float, wall: float) -> None:
        """`total`: CPU seconds of the run; `wall`: the time now."""
        self._total = total
        self._last_wall = wall + wall_seconds(total)
        self._slept = 0.0
        self.begin(LOADING_SECONDS, 0.0, wall)

    def check(self, cpu: float, wall: float, slept: float = 0.0) -> str:
        """TIMEOUT, BACKSTOP, or nothing if the run may go on.

        Args:
            cpu: CPU seconds of the run up to now.
            wall: the time now.
            slept: seconds asleep since the last call of this method.
        """
        self._slept += slept
        if cpu > self._cpu_end:
            return TIMEOUT
        if self._slept > self._sleep_end or wall > self._wall_end or wall > self._last_wall:
            return BACKSTOP
        return ""

    def wait(self, seconds: float) -> None:
        """The launcher did not read for so long: the wall clock stands still."""
        self._last_wall += seconds
        self._wall_end += seconds

    def begin(self, limit: float, cpu: float, wall: float) -> None:
        """The next stretch, with `limit` CPU seconds from `cpu` on; `wall`: the time now."""
        self._cpu_end = min(self._total, cpu + limit + GRACE_SECONDS)
        self._sleep_end = min(self._total, self._slept + sleep_seconds(limit))
        self._wall_end = wall + wall_seconds(limit)
