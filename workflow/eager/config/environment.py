"""What the shell of every job inherits from the workflow."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from eager.config.settings import EngineOptions
from eager.containers.gpus import DEVICES_VARIABLE, LOCKS_VARIABLE
from eager.containers.settings import PASSED_TO_FETCHES, RUNTIME_VARIABLE, ContainerRuntime
from eager.sandbox.settings import SandboxSettings

ENGINE_VARIABLE = "EAGER_ENGINE"
SANDBOX_VARIABLE = "EAGER_SANDBOX"
EXPERIMENT_VARIABLE = "EAGER_EXPERIMENT"
"""Path of experiment.json: in the text of a rule it would rerun what experiments share."""
PACKAGE_FOLDER = Path(__file__).parents[2]
PASSED_TO_APPTAINER = (*PASSED_TO_FETCHES, DEVICES_VARIABLE)


def prepare_environment(
    engine: EngineOptions, sandbox: SandboxSettings, runtime: ContainerRuntime, experiment: Path
) -> None:
    """Let jobs find the `eager` command beside this Python, and tell them how to run things.

    The options go through the environment because they change speed and memory only: among the
    params of a rule a change of theirs would rerun it. (The limits of the sandbox, which verdicts
    depend on, are params of the rule as well.)
    """
    variables = {
        ENGINE_VARIABLE: engine.model_dump_json(),
        SANDBOX_VARIABLE: sandbox.model_dump_json(),
        RUNTIME_VARIABLE: runtime,
        EXPERIMENT_VARIABLE: str(experiment),
        # Text of jobs and of the libraries they use is UTF-8 whatever the locale.
        "PYTHONUTF8": "1",
    }
    os.environ.update(variables)
    # For where this package is not installed, in conda environments and images.
    _prepend("PYTHONPATH", PACKAGE_FOLDER)
    _prepend("PATH", Path(sys.executable).parent)
    # Apptainer with --cleanenv passes what has this prefix, and nothing else.
    passed = {name: value for name, value in os.environ.items() if name in PASSED_TO_APPTAINER}
    passed |= {**variables, "PYTHONPATH": str(PACKAGE_FOLDER)}
    passed[LOCKS_VARIABLE] = str(Path(".snakemake/gpus").absolute())
    os.environ.update({f"APPTAINERENV_{name}": value for name, value in passed.items()})


def _prepend(name: str, folder: Path) -> None:
    rest = os.environ.get(name)
    os.environ[name] = f"{folder}{os.pathsep}{rest}" if rest else str(folder)
