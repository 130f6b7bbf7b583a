"""Verdicts that depend on a solution's CPU time and not on the machine's load."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from eager.sandbox.engines.containers import SandboxEngine
from eager.sandbox.tasks import CodeTask
from tests.support.busy import busy_machine
from tests.support.sandbox import Sandbox

HEAD = "import signal, threading, time\ndef sum_of_two(a, b):\n"
SPIN = "end = time.process_time() + {seconds}\n    while time.process_time() < end: pass\n"
UNALARMED = "    for timer in range(3): signal.setitimer(timer, 0)\n"
ENDLESS = {
    "loop": HEAD + "    while True: pass\n",
    "loop without an alarm": HEAD + UNALARMED + "    while True: pass\n",
    "loop that catches": HEAD
    + "    while True:\n        try:\n            while True: pass\n"
    + "        except BaseException: pass\n",
    "sleep": HEAD + "    time.sleep(1000)\n    return a + b\n",
    "many sleeps": HEAD + "    while True: time.sleep(0.2)\n",
    "lock": HEAD + "    threading.Lock().acquire() and threading.Event().wait()\n",
    "loop while loading": "while True: pass\n",
    "sleep while loading": "import time\ntime.sleep(1000)\n",
    "loop in a thread": HEAD
    + UNALARMED
    + "    def spin():\n        while True: pass\n"
    + "    thread = threading.Thread(target=spin)\n    thread.start()\n    thread.join()\n",
    "fork loop": "import os, posix\n" + HEAD
    + "    while True:\n        try: posix.fork()\n        except OSError: pass\n",
}  # fmt: skip


@pytest.mark.parametrize(
    "names",
    [
        ("loop that catches", "lock", "loop in a thread"),
        pytest.param(tuple(ENDLESS), marks=pytest.mark.long),
    ],
)
def test_what_never_ends_is_ended(sandbox: Sandbox, names: tuple[str, ...]) -> None:
    programs = {name: ENDLESS[name] for name in names}
    verdicts = sandbox.judge(programs, max_total_seconds=0.1, min_time_limit=0.2)
    assert {name: one.status for name, one in verdicts.items()} == dict.fromkeys(names, "timeout")


@pytest.mark.slow
@pytest.mark.parametrize("name", ENDLESS)
def test_how_long_it_takes_with_the_usual_limits(name: str, sandbox: Sandbox) -> None:
    start = time.monotonic()
    verdict = sandbox.judge({name: ENDLESS[name]})[name]
    print(f"\n{name}: ended after {time.monotonic() - start:.1f} s")
    assert verdict.status == "timeout"


def test_a_busy_machine_changes_no_verdict(sandbox: Sandbox) -> None:
    """Programs that use nine tenths of their limit pass, and those that use twice it do not."""
    programs = {
        name: f"{HEAD}    {SPIN.format(seconds=seconds)}    return a + b\n"
        for name, seconds in (("right", 0.27), ("slow", 0.9))
    }
    sandbox.judge({"": sandbox.tasks[0].reference})
    with busy_machine(4 * len(os.sched_getaffinity(0))):
        verdicts = sandbox.judge(programs, min_time_limit=0.3)
    assert [one.status for one in verdicts.values()] == ["ok", "timeout"]


def test_a_reference_is_measured_in_cpu_time(bubblewrap: SandboxEngine, tmp_path: Path) -> None:
    """One that waits does not give every solution four times as long to compute."""
    task = CodeTask(
        task_id="t/0", prompt="", entry_point="sum_of_two", base_inputs=([2, 3],), plus_inputs=(),
        canonical_solution=HEAD + "    time.sleep(0.5)\n    return a + b\n",
    )  # fmt: skip
    slow = HEAD + "    " + SPIN.format(seconds=1.5) + "    return a + b\n"
    programs = {"slow": slow, "right": task.reference}
    verdicts = Sandbox(bubblewrap, [task], tmp_path).judge(programs, min_time_limit=0.5)
    assert [one.status for one in verdicts.values()] == ["timeout", "ok"]
