"""Verdicts that depend on a solution's CPU time and not on the machine's load."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from eager.sandbox.engines.containers import SandboxEngine
from eager.sandbox.evaluate import evaluate
from eager.sandbox.tasks import CodeTask, Submission
from tests.support.busy import busy_machine

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


def test_what_never_ends_is_ended(
    bubblewrap: SandboxEngine, minicode: list[CodeTask], tmp_path: Path
) -> None:
    """Those that do not end while they are loaded take 20 seconds: they are in the slow test."""
    quick = {name: program for name, program in ENDLESS.items() if "loading" not in name}
    submissions = [
        Submission(task_id="minicode/0", sample_id=name, solution=program)
        for name, program in quick.items()
    ]
    settings = bubblewrap.settings.model_copy(update={"max_total_seconds": 1.0})
    verdicts = evaluate(minicode, submissions, settings, tmp_path)
    assert {one.sample_id: one.status for one in verdicts} == dict.fromkeys(quick, "timeout")


@pytest.mark.slow
@pytest.mark.parametrize("name", ENDLESS)
def test_how_long_it_takes_with_the_usual_limits(
    name: str, bubblewrap: SandboxEngine, minicode: list[CodeTask], tmp_path: Path
) -> None:
    submission = Submission(task_id="minicode/0", sample_id=name, solution=ENDLESS[name])
    start = time.monotonic()
    (verdict,) = evaluate(minicode, [submission], bubblewrap.settings, tmp_path)
    print(f"\n{name}: ended after {time.monotonic() - start:.1f} s")
    assert verdict.status == "timeout"


def test_a_busy_machine_changes_no_verdict(
    bubblewrap: SandboxEngine, minicode: list[CodeTask], tmp_path: Path
) -> None:
    """Programs that use nine tenths of their limit pass, and those that use twice it do not."""
    right, slow = SPIN.format(seconds=0.45), SPIN.format(seconds=1.2)
    submissions = [
        Submission(
            task_id="minicode/0",
            sample_id=name,
            solution=f"{HEAD}    {body}    return a + b\n",
        )
        for name, body in (("right", right), ("slow", slow))
    ]
    settings = bubblewrap.settings.model_copy(update={"min_time_limit": 0.5})
    evaluate(
        minicode,
        [submissions[0].model_copy(update={"solution": minicode[0].reference})],
        settings,
        tmp_path,
    )
    with busy_machine(4 * len(os.sched_getaffinity(0))):
        verdicts = evaluate(minicode, submissions, settings, tmp_path)
    assert [one.status for one in verdicts] == ["ok", "timeout"]


def test_a_reference_is_measured_in_cpu_time(bubblewrap: SandboxEngine, tmp_path: Path) -> None:
    """One that waits does not give every solution four times as long to compute."""
    task = CodeTask(
        task_id="t/0", prompt="", entry_point="sum_of_two", base_inputs=([2, 3],), plus_inputs=(),
        canonical_solution=HEAD + "    time.sleep(0.5)\n    return a + b\n",
    )  # fmt: skip
    program = HEAD + "    " + SPIN.format(seconds=1.5) + "    return a + b\n"
    submissions = [
        Submission(task_id=task.task_id, sample_id="slow", solution=program),
        Submission(task_id=task.task_id, sample_id="right", solution=task.reference),
    ]
    settings = bubblewrap.settings.model_copy(update={"min_time_limit": 0.5})
    verdicts = evaluate([task], submissions, settings, tmp_path)
    assert [one.status for one in verdicts] == ["timeout", "ok"]
