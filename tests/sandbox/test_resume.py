"""An evaluation that was killed continues where it stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from eager.sandbox.engines.containers import SandboxEngine
from eager.sandbox.tasks import CodeTask
from tests.support.repository import ROOT
from tests.support.sandbox import MINICODE, left

SAMPLES = 12
SLOW = "import time\ntime.sleep(0.2)\n"


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


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_evaluation_goes_on(
    engine: SandboxEngine, minicode: list[CodeTask], tmp_path: Path, number: signal.Signals
) -> None:
    """What is finished stays, the rest is done, nothing runs on, nothing is half written."""
    if engine.name == "bubblewrap" and not engine.separate_users:
        pytest.skip("the command line takes the stronger of the two ways")
    if number != signal.SIGKILL and engine.name != "docker":
        pytest.skip("the signals that can be caught are tried with one engine")
    rows = [
        # Each a program of its own that takes its time to load.
        {"task_id": one.task_id, "solution": f"{SLOW}{one.reference}# {index}"}
        for index, one in enumerate(minicode[:2] * (SAMPLES // 2))
    ]
    (tmp_path / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    first = start(engine, tmp_path)
    assert wait_for(lambda: len(finished(tmp_path)) >= 3, 60)
    first.send_signal(number)
    first.wait(timeout=30)
    assert first.returncode != 0
    assert wait_for(lambda: not left(engine), 20), left(engine)
    before = finished(tmp_path)
    assert 3 <= len(before) < SAMPLES
    assert not (tmp_path / "results.json").exists()

    second = start(engine, tmp_path)
    output, _ = second.communicate(timeout=120)
    assert second.returncode == 0, output
    after = finished(tmp_path)
    assert len(after) == SAMPLES
    assert {name: after[name] for name in before} == before
    results = json.loads((tmp_path / "results.json").read_text())
    statuses = [one["plus_status"] for task in results["eval"].values() for one in task]
    assert statuses == ["pass"] * SAMPLES
