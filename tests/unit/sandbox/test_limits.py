"""Time limits: what CPU time, sleep and wall clock decide, and how they are measured."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eager.sandbox.guest import limits
from eager.sandbox.guest.limits import BACKSTOP, TIMEOUT, ProcessClock, TimeKeeper

SECONDS = st.floats(min_value=0.01, max_value=100)


def keeper(*each: float, total: float = 100.0, loaded: bool = True) -> TimeKeeper:
    one = TimeKeeper(each, total, wall=0.0)
    if loaded:
        assert one.arrive(0, True, 0.0, 0.0) == ""
        one.go_on(0.0, 0.0, 0.0)
    return one


@given(SECONDS, st.floats(min_value=1, max_value=5))
def test_waiting_for_a_core_costs_nothing(limit: float, slowness: float) -> None:
    """However slow the machine, short of the wall-clock limit: only CPU time counts."""
    wall = limit * slowness
    assert keeper(limit).check(limit, wall) == ""
    assert keeper(limit).check(limit + limits.GRACE_SECONDS + 0.01, wall) == TIMEOUT


@given(st.lists(SECONDS, min_size=1, max_size=20))
def test_a_run_within_all_its_limits_is_never_stopped(each: list[float]) -> None:
    """Replies that come one by one, or all together because the supervisor was late."""
    total = sum(each) + 2
    one, cpu = keeper(*each, total=total), 0.0
    for index, limit in enumerate(each):
        cpu += limit
        assert one.check(cpu, 3 * cpu) == ""
        assert one.arrive(index + 1, True, cpu, 3 * cpu) == ""
        one.go_on(cpu, 3 * cpu, 0.0)
    assert keeper(*each, total=total).arrive(len(each), True, cpu, 3 * cpu) == ""


@pytest.mark.parametrize(
    ("cpu", "wall", "slept", "reason"),
    [
        (1.4, 10.0, 0.0, ""),
        (1.6, 1.6, 0.0, TIMEOUT),
        (0.1, 1.9, 1.9, ""),
        (0.1, 2.2, 2.1, BACKSTOP),
        (0.1, 34.0, 0.0, ""),
        (0.1, 36.0, 0.0, BACKSTOP),
        (1.6, 36.0, 3.1, TIMEOUT),
    ],
)
def test_what_ends_a_call_of_one_second(cpu: float, wall: float, slept: float, reason: str) -> None:
    assert keeper(1.0, 1.0).check(cpu, wall, slept) == reason


@pytest.mark.parametrize(
    ("cpu", "wall", "slept", "reason"),
    [
        (9.9, 60.0, 9.9, ""),
        (10.1, 10.1, 0.0, TIMEOUT),
        (0.1, 11.0, 10.1, BACKSTOP),
        (0.1, 81.0, 0.0, BACKSTOP),
    ],
)
def test_what_ends_a_run_that_is_loading(
    cpu: float, wall: float, slept: float, reason: str
) -> None:
    """A module may take as long to load as the whole run."""
    assert keeper(1.0, total=10.0, loaded=False).check(cpu, wall, slept) == reason


def test_calls_do_not_lend_each_other_time() -> None:
    one = keeper(0.5, 5.0)
    assert one.arrive(1, True, 1.2, 1.2) == TIMEOUT
    short_last = keeper(5.0, 0.5)
    assert short_last.arrive(1, True, 4.0, 4.0) == ""
    short_last.go_on(4.0, 4.0, 0.0)
    assert short_last.check(5.1, 5.1) == TIMEOUT


def test_calls_do_not_lend_each_other_sleep() -> None:
    one = keeper(0.5, 5.0)
    assert one.check(0.1, 1.8, slept=1.7) == ""
    assert one.arrive(1, True, 0.1, 1.8) == BACKSTOP


def test_pieces_of_a_reply_do_not_buy_time() -> None:
    """A process that sends single bytes slowly is never found silent, and ends all the same."""
    one = keeper(1.0, 1.0)
    assert one.arrive(0, True, 1.4, 1.4) == ""
    one.go_on(1.4, 1.4, 0.0)
    assert one.arrive(0, True, 1.6, 1.6) == TIMEOUT
    assert keeper(1.0).arrive(0, True, 0.1, 36.0) == BACKSTOP


def test_more_replies_than_tests_have_the_time_of_one() -> None:
    one = keeper(1.0)
    one.arrive(1, True, 0.1, 0.1)
    one.go_on(0.1, 0.1, 0.0)
    assert one.arrive(50, True, 0.7, 0.7) == TIMEOUT


def test_a_launcher_that_does_not_read_costs_no_time() -> None:
    one = keeper(1.0, 1.0)
    assert one.arrive(0, True, 0.1, 0.1) == ""
    one.go_on(0.1, 100.1, 100.0)
    assert one.check(0.2, 101.0) == ""


def burn(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def child(work: Callable[[], None]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return pid


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
        child(lambda: burn(0.1))
    time.sleep(1)


@pytest.mark.parametrize("work", [lambda: burn(0.3), in_threads, in_children])
def test_cpu_time_in_threads_and_children_counts(work: Callable[[], None]) -> None:
    others = limits.running_processes()
    pid = child(work)
    try:
        clock, most = ProcessClock(pid, others), 0.0
        while not os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            most = max(most, clock.cpu())
            time.sleep(0.005)
        # What was used after the last look at a child is not seen.
        assert clock.cpu() >= most > 0.2
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_sleep_counts_and_computing_does_not() -> None:
    others = limits.running_processes()
    for work, sleeps in ((lambda: time.sleep(60), True), (lambda: burn(60), False)):
        pid = child(work)
        try:
            time.sleep(0.3)
            clock = ProcessClock(pid, others)
            clock.slept(clock.cpu(), time.monotonic())
            slept = 0.0
            for _ in range(5):
                time.sleep(limits.SAMPLE_SECONDS)
                slept += clock.slept(clock.cpu(), time.monotonic())
            assert (slept > 0) is sleeps
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def test_a_process_name_cannot_hide_its_state() -> None:
    def work() -> None:
        Path("/proc/self/comm").write_text("a) S 1 (b")
        burn(60)

    pid = child(work)
    try:
        time.sleep(0.3)
        assert limits._is_busy(pid)
        os.kill(pid, signal.SIGSTOP)
        os.waitpid(pid, os.WUNTRACED)
        assert not limits._is_busy(pid)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert limits._is_busy(pid), "a process that is gone is not taken for one that sleeps"
