"""Which engines work here, and whether each isolates what runs in it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

from eager.sandbox.engines.containers import SandboxEngine
from eager.sandbox.guest import codec, protocol
from eager.sandbox.guest.protocol import Run
from eager.sandbox.probes import PROBES, Probe
from eager.sandbox.selection import ENGINES
from eager.sandbox.session import ContainerDied, Session
from eager.sandbox.settings import SandboxSettings
from eager.util.errors import EagerError

PROBE_MEMORY_BYTES = 1 << 30
PROBE_SECONDS = 5.0
PROBE_OUTPUT_BYTES = 1 << 22


@dataclass(frozen=True)
class Finding:
    """One line of the report; `held` is None where nothing could be tried."""

    engine: str
    subject: str
    held: bool | None
    detail: str = ""


def examine(settings: SandboxSettings) -> Iterator[Finding]:
    """Try the engine that the settings name, or all of them, and every guarantee of each."""
    names = list(ENGINES) if settings.engine == "auto" else [settings.engine]
    for name in names:
        engine = ENGINES[name](
            settings.model_copy(update={"engine": name, "memory_bytes": PROBE_MEMORY_BYTES})
        )
        try:
            engine.check()
            with Session(engine) as session:
                session.start()
                facts = session.facts
                users = "a user each" if engine.separate_users else "one user for all solutions"
                yield Finding(name, "works", True, f"Python {facts['python']}, {users}")
                yield from _try_to_break(engine, session)
        except EagerError as error:
            yield Finding(name, "works", None, str(error))


def _try_to_break(engine: SandboxEngine, session: Session) -> Iterator[Finding]:
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="eager-canary-") as canary:
        canary.write("canary")
        canary.flush()
        arguments = codec.encode([canary.name, os.getpid()])
        session.set_task({"base": [(PROBE_SECONDS, arguments)]})
        for probe in PROBES:
            yield _run_probe(engine, session, probe)
        with open(canary.name, encoding="utf-8") as file:
            untouched = file.read() == "canary"
        yield Finding(engine.name, "canary file of the host untouched", untouched)


def _run_probe(engine: SandboxEngine, session: Session, probe: Probe) -> Finding:
    run = Run("probe", total_seconds=2 * PROBE_SECONDS, output_bytes=PROBE_OUTPUT_BYTES)
    try:
        end, answers = session.collect(run, probe.program.encode())
    except ContainerDied as error:
        return Finding(engine.name, probe.guarantee, False, f"the container died: {error}")
    if not probe.ends:
        held = answers == [(protocol.VALUE, b"[]")]
        detail = "" if held else f"{end.reason}: {answers[:3]!r}"[:300]
        return Finding(engine.name, probe.guarantee, held, detail)
    way = end.reason
    if way == "end":
        raised = next((name for kind, name in answers if kind == protocol.RAISED), b"")
        way = raised.decode("ascii", "replace")[:80] or ("signal" if end.signal else "")
    return Finding(engine.name, probe.guarantee, way in probe.ends, way)
