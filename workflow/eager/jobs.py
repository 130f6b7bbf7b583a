"""What the shell of every job inherits from the workflow."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from eager.settings import EngineOptions

ENGINE_VARIABLE = "EAGER_ENGINE"


def prepare_environment(options: EngineOptions) -> None:
    """Let jobs find the `eager` command beside this Python, and tell them the engine options.

    The options go through the environment because they change speed and memory only: among the
    params of a rule a change of theirs would rerun it.
    """
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    os.environ[ENGINE_VARIABLE] = options.model_dump_json()
