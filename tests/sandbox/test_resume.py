"""An evaluation that was killed continues where it stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eager.sandbox.engines.containers import SandboxEngine
from eager.sandbox.tasks import CodeTask
from tests.support.docker import run
from tests.support.repository import ROOT
from tests.support.sandbox import MINICODE

SAMPLES_PER_TASK = 12


def write_samples(path: Path, tasks: list[CodeTask], seconds: float) -> None:
    """Right solutions, each a program of its own that takes its time to load."""
    with path.open("w") as file:
        for task in tasks:
            for number in range(SAMPLES_PER_TASK):
                solution = f"import time\ntime.sleep({seconds})\n{task.reference}\n# {number}\n"
                file.write(json.dumps({"task_id": task.task_id, "solution": solution}) + "\n")


def start(engine: SandboxEngine, folder: Path) -> subprocess.Popen[str]:
    """The command line, as a user would run it."""
    program = "from eager.sandbox.cli import app; app()"
    return subprocess.Popen(
        [
            sys.executable, "-c", program, "evaluate", f"--dataset={MINICODE}",
            f"--samples={folder / 'samples.jsonl'}", f"--output={folder / 'results.json'}",
            f"--cache={folder / 'cache'}", f"--engine={engine.name}",
            f"--image={engine.settings.image}", "--workers=2",
        ],
        env=os.environ | {"PYTHONPATH": str(ROOT / "workflow")},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        # A test run in the background of a shell ignores Ctrl-C, and its children would too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def finished(folder: Path) -> dict[str, float]:
    """Stored verdicts and when each was written."""
    files = (folder / "cache/verdicts").glob("*/*.json.gz")
    return {path.name: path.stat().st_mtime for path in files}


def wait_for(condition: object, seconds: float) -> bool:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def leftovers(engine: SandboxEngine, launcher: int) -> str:
    """Containers of ours, and processes that the killed launcher started."""
    if engine.name != "bubblewrap":
        return run(engine.name, "ps", "--all", "--quiet", "--filter=name=eager-sandbox-").stdout
    return run("pgrep", "--full", "reads the modules to run from standard input").stdout


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_evaluation_goes_on(
    engine: SandboxEngine, minicode: list[CodeTask], tmp_path: Path, number: signal.Signals
) -> None:
    """What is finished stays, the rest is done, nothing runs on, nothing is half written."""
    if engine.name == "bubblewrap" and not engine.separate_users:
        pytest.skip("the command line takes the stronger of the two ways")
    if number != signal.SIGKILL and engine.name != "docker":
        pytest.skip("the signals that can be caught are tried with one engine")
    tasks = minicode[:2]
    write_samples(tmp_path / "samples.jsonl", tasks, 0.2)
    first = start(engine, tmp_path)
    assert wait_for(lambda: len(finished(tmp_path)) >= 3, 60)
    first.send_signal(number)
    first.wait(timeout=30)
    assert first.returncode != 0
    assert wait_for(lambda: not leftovers(engine, first.pid), 20), leftovers(engine, first.pid)
    before = finished(tmp_path)
    total = len(tasks) * SAMPLES_PER_TASK
    assert 3 <= len(before) < total
    assert not (tmp_path / "results.json").exists()

    second = start(engine, tmp_path)
    output, _ = second.communicate(timeout=120)
    assert second.returncode == 0, output
    after = finished(tmp_path)
    assert len(after) == total
    assert {name: after[name] for name in before} == before
    results = json.loads((tmp_path / "results.json").read_text())
    statuses = [one["plus_status"] for task in results["eval"].values() for one in task]
    assert statuses == ["pass"] * total
