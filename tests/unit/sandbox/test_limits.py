"""Time limits: what CPU time, sleep and wall clock decide, and how they are measured."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eager.sandbox.guest import limits
from eager.sandbox.guest.limits import BACKSTOP, TIMEOUT, ProcessClock, TimeKeeper

SECONDS = st.floats(min_value=0.01, max_value=100)


def keeper(limit: float, total: float = 100.0) -> TimeKeeper:
    """In its first call, at the time 0."""
    one = TimeKeeper(total, wall=0.0)
    one.begin(limit, 0.0, 0.0)
    return one


STRETCHES = st.lists(st.tuples(SECONDS, st.floats(min_value=0, max_value=1.5)), max_size=20)


@given(st.floats(min_value=0, max_value=1.5), STRETCHES)
def test_no_time_passes_that_no_limit_sees(
    loading: float, calls: list[tuple[float, float]]
) -> None:
    """A run is over exactly when the module, a call or the sum has taken more than its limit."""
    stretches = [(limits.LOADING_SECONDS, loading), *calls]
    total = sum(limit for limit, _ in stretches)
    one, cpu = TimeKeeper(total, 0.0), 0.0
    for number, (limit, share) in enumerate(stretches):
        if number:
            one.begin(limit, cpu, 3 * cpu)
        taken = share * (limit + limits.GRACE_SECONDS)
        over = share > 1 or cpu + taken > total
        if abs(cpu + taken - total) < 1e-6 or abs(share - 1) < 1e-6:
            return
        assert one.check(cpu + taken, 3 * (cpu + taken)) == (TIMEOUT if over else "")
        if over:
            return
        cpu += taken


@pytest.mark.parametrize(
    ("limit", "cpu", "wall", "slept", "reason"),
    [
        (1.0, 1.4, 10.0, 0.0, ""),
        (1.0, 1.6, 1.6, 0.0, TIMEOUT),
        (1.0, 0.1, 1.9, 1.9, ""),
        (1.0, 0.1, 2.2, 2.1, BACKSTOP),
        (1.0, 0.1, 34.0, 0.0, ""),
        (1.0, 0.1, 36.0, 0.0, BACKSTOP),
        (1.0, 1.6, 36.0, 3.1, TIMEOUT),
        # While the module is loaded.
        (None, 10.4, 60.0, 9.9, ""),
        (None, 10.6, 10.6, 0.0, TIMEOUT),
        (None, 0.1, 12.0, 11.1, BACKSTOP),
        (None, 0.1, 81.0, 0.0, BACKSTOP),
    ],
)
def test_what_ends_a_call(
    limit: float | None, cpu: float, wall: float, slept: float, reason: str
) -> None:
    one = keeper(limit) if limit else TimeKeeper(100.0, wall=0.0)
    assert one.check(cpu, wall, slept) == reason


def test_calls_do_not_lend_each_other_time_or_sleep() -> None:
    one = keeper(0.5)
    assert one.check(0.9, 0.9, slept=1.4) == ""
    one.begin(5.0, 0.9, 0.9)
    assert one.check(6.3, 7.0, slept=5.9) == ""
    one.begin(0.5, 6.3, 7.0)
    assert one.check(6.4, 9.0, slept=1.6) == BACKSTOP
    assert one.check(7.4, 9.0) == TIMEOUT
    one = keeper(1.0, total=3.0)
    assert one.check(0.1, 2.0, slept=1.9) == ""
    one.begin(1.0, 0.1, 2.0)
    assert one.check(0.1, 4.0, slept=1.2) == BACKSTOP, "no longer than the run may take"


def test_a_launcher_that_does_not_read_costs_no_time() -> None:
    one = keeper(1.0)
    one.wait(100.0)
    assert one.check(0.2, 101.0) == ""
    assert one.check(0.2, 136.0) == BACKSTOP


def burn(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


@contextmanager
def child(work: Callable[[], None]) -> Iterator[int]:
    """A process that works; its number."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def in_threads() -> None:
    threads = [threading.Thread(target=burn, args=(0.1,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def in_children() -> None:
    """Children that nobody waits for: the kernel forgets what they took once they are gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for _ in range(3):
        if os.fork() == 0:
            burn(0.1)
            os._exit(0)
    time.sleep(0.7)


@pytest.mark.parametrize("work", [in_threads, in_children])
def test_cpu_time_in_threads_and_children_counts(work: Callable[[], None]) -> None:
    others = limits.running_processes()
    with child(work) as pid:
        clock, most = ProcessClock(pid, others), 0.0
        while not os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            most = max(most, clock.cpu())
            time.sleep(0.005)
        # What was used after the last look at a child is not seen.
        assert clock.cpu() >= most > 0.2


@pytest.mark.parametrize(("work", "sleeps"), [(time.sleep, True), (burn, False)])
def test_sleep_counts_and_computing_does_not(
    work: Callable[[float], None], sleeps: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in a container, where no other test starts a process.
    monkeypatch.setattr(limits, "running_processes", set)
    with child(lambda: work(60)) as pid:
        time.sleep(0.3)
        clock = ProcessClock(pid, set())
        clock.slept(clock.cpu(), time.monotonic())
        slept = 0.0
        for _ in range(5):
            time.sleep(limits.SAMPLE_SECONDS)
            slept += clock.slept(clock.cpu(), time.monotonic())
        assert (slept > 0) is sleeps


def test_a_process_name_cannot_hide_its_state() -> None:
    def work() -> None:
        Path("/proc/self/comm").write_text("a) S 1 (b")
        burn(60)

    with child(work) as pid:
        time.sleep(0.3)
        assert limits._is_busy(pid)
        os.kill(pid, signal.SIGSTOP)
        os.waitpid(pid, os.WUNTRACED)
        assert not limits._is_busy(pid)
    assert limits._is_busy(pid), "a process that is gone is not taken for one that sleeps"
