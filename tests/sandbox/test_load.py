"""The 164 references on a busy machine: all right, always (`pytest -m slow`; minutes per round).

EAGER_LOAD_ROUNDS says how many rounds (3); EAGER_LOAD_MODEL which model generates beside them (a
folder that vLLM loads; the demo's, if it has been run here).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from eager.sandbox.cache import Cache
from eager.sandbox.engines.containers import SandboxEngine
from eager.sandbox.evaluate import Evaluation
from eager.sandbox.tasks import CodeTask, Submission, load_evalplus
from tests.support.busy import busy_machine
from tests.support.repository import ROOT
from tests.support.sandbox import shared_data

pytestmark = pytest.mark.slow

ROUNDS = int(os.environ.get("EAGER_LOAD_ROUNDS", "3"))
BUSY_PROCESSES = 6


@contextmanager
def generating_engine() -> Iterator[None]:
    """vLLM, generating on the same cores."""
    models = (ROOT / "results/models").glob("*/files/config.json")
    folder = os.environ.get("EAGER_LOAD_MODEL") or next((str(one.parent) for one in models), None)
    if folder is None:
        pytest.skip("no model here: run `make demo`, or set EAGER_LOAD_MODEL")
    script = Path(__file__).with_name("generating.py")
    with subprocess.Popen(
        [sys.executable, str(script), folder], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            # vLLM says much before.
            assert any(line.strip() == "generating" for line in process.stdout)
            yield
        finally:
            process.kill()


@pytest.fixture(scope="module")
def humaneval(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[CodeTask], Path]:
    return load_evalplus(shared_data() / "HumanEvalPlus.jsonl.gz"), tmp_path_factory.mktemp("load")


def failures(engine: SandboxEngine, tasks: list[CodeTask], cache: Path, name: str) -> list[str]:
    """What came of every reference solution, made a program of its own, that did not pass."""
    submissions = [
        Submission(task_id=task.task_id, sample_id=name, solution=f"{task.reference}\n# {name}\n")
        for task in tasks
    ]
    by_id = {task.task_id: task for task in tasks}
    verdicts = Evaluation(by_id, engine.settings, Cache(cache), engine).judge(submissions)
    assert len(verdicts) == 164
    return [f"{one.task_id} {one.status} {one.detail}" for one in verdicts if not one.correct]


@pytest.mark.parametrize("load", ["engine", "processes"])
def test_all_references_pass_beside(
    engine: SandboxEngine,
    humaneval: tuple[list[CodeTask], Path],
    capsys: pytest.CaptureFixture[str],
    load: str,
) -> None:
    """The references are timed without the load, as on a quiet machine."""
    if engine.name not in ("docker", "bubblewrap") or not engine.separate_users:
        pytest.skip("tried with the two usual engines")
    tasks, cache = humaneval
    assert failures(engine, tasks, cache, f"{engine.name} quiet") == []
    with generating_engine() if load == "engine" else busy_machine(BUSY_PROCESSES):
        for number in range(ROUNDS):
            start = time.monotonic()
            found = failures(engine, tasks, cache, f"{engine.name} {load} {number} {os.getpid()}")
            with capsys.disabled():
                seconds = time.monotonic() - start
                print(f"\n{engine.name} beside {load}, round {number}: {seconds:.0f} s, {found}")
            assert found == []
