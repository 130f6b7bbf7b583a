"""What the shell of every job inherits from the workflow."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from eager.sandbox.settings import SandboxSettings
from eager.settings import EngineOptions

ENGINE_VARIABLE = "EAGER_ENGINE"


SANDBOX_VARIABLE = "EAGER_SANDBOX"


def prepare_environment(engine: EngineOptions, sandbox: SandboxSettings) -> None:
    """Let jobs find the `eager` command beside this Python, and tell them how to run things.

    The options go through the environment because they change speed and memory only: among the
    params of a rule a change of theirs would rerun it. (The limits of the sandbox, which verdicts
    depend on, are params of the rule as well.)
    """
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    os.environ[ENGINE_VARIABLE] = engine.model_dump_json()
    os.environ[SANDBOX_VARIABLE] = sandbox.model_dump_json()
