"""Tasks, engines and test material of the sandbox; what is missing on a machine is skipped."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from eager.sandbox.cache import Cache
from eager.sandbox.engines.bubblewrap import BubblewrapEngine
from eager.sandbox.engines.containers import DockerEngine, PodmanEngine, SandboxEngine
from eager.sandbox.evaluate import Evaluation
from eager.sandbox.settings import SandboxSettings
from eager.sandbox.tasks import CodeTask, CodeVerdict, Submission
from eager.util.errors import EagerError
from tests.support.docker import run, unavailable
from tests.support.repository import ROOT

MINICODE = ROOT / "config/data/minicode.jsonl"


@dataclass(frozen=True)
class Sandbox:
    """An engine, tasks, and a folder of stored results."""

    engine: SandboxEngine
    tasks: Sequence[CodeTask]
    folder: Path

    def evaluation(self, **settings: Any) -> Evaluation:
        """With other settings than the engine's."""
        changed = self.engine.settings.model_copy(update=settings)
        by_id = {task.task_id: task for task in self.tasks}
        return Evaluation(by_id, changed, Cache(self.folder), self.engine)

    def judge(
        self, programs: Mapping[str, str], form: str = "solution", **settings: Any
    ) -> dict[str, CodeVerdict]:
        """Verdicts by name; a program is for the first task."""
        task_id = self.tasks[0].task_id
        submissions = [
            Submission.model_validate({"task_id": task_id, "sample_id": name, form: program})
            for name, program in programs.items()
        ]
        verdicts = self.evaluation(**settings).judge(submissions)
        return dict(zip(programs, verdicts, strict=True))


def shared_data() -> Path:
    """Public test material that lies beside the repository on some machines."""
    for folder in (os.environ.get("EAGER_SHARED_DATA"), ROOT.parent / "shared/data"):
        if folder and Path(folder).is_dir():
            return Path(folder)
    pytest.skip("no shared test data here (EAGER_SHARED_DATA)")


def left(engine: SandboxEngine) -> list[str]:
    """Supervisors that this process started or that nobody has any more, and containers."""
    mark = "reads the modules to run from standard input"
    found = run("pgrep", f"--parent=1,{os.getpid()}", "--full", mark).stdout.split()
    if not isinstance(engine, BubblewrapEngine):
        filtered = "--filter=name=eager-sandbox-"
        found += run(engine.name, "ps", "--all", "--quiet", filtered).stdout.split()
    return found


def build_wheels(folder: Path, requirements: Path) -> None:
    """Wheels for an image, fetched outside of its build."""
    answer = run(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder),
        "--requirement", str(requirements),
    )  # fmt: skip
    if answer.returncode != 0:
        pytest.skip(f"the wheels of {requirements.name} cannot be fetched: {answer.stderr[-300:]}")


def make_engine(request: pytest.FixtureRequest, name: str) -> SandboxEngine:
    """An engine by its name in the tests, or a skip with the reason."""
    engine: SandboxEngine
    if name.startswith("bubblewrap"):
        engine = BubblewrapEngine(SandboxSettings(engine="bubblewrap"))
        if name == "bubblewrap":
            if os.geteuid() != 0:
                pytest.skip("a user per solution needs root")
        else:
            engine = BubblewrapEngine(SandboxSettings(engine="bubblewrap"), separate_users=False)
    else:
        image = request.getfixturevalue(f"{name}_image")
        settings = SandboxSettings.model_validate({"engine": name, "image": image})
        engine = DockerEngine(settings) if name == "docker" else PodmanEngine(settings)
    try:
        engine.check()
    except EagerError as error:
        unavailable(name, str(error))
    return engine
