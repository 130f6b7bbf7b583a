"""What each engine asks of its container, and which one is taken."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from eager.sandbox import doctor, selection
from eager.sandbox.engines.bubblewrap import BubblewrapEngine, mounts
from eager.sandbox.engines.containers import ApptainerEngine, SandboxEngine
from eager.sandbox.probes import PROBES
from eager.sandbox.session import Session
from eager.sandbox.settings import SandboxSettings
from eager.util.errors import EagerError
from tests.support.docker import run


def test_every_guarantee_holds(engine: SandboxEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `eager sandbox doctor` tries, on every engine here."""
    settings = engine.settings

    def same(settings: SandboxSettings) -> SandboxEngine:
        if isinstance(engine, BubblewrapEngine):
            return BubblewrapEngine(settings, separate_users=engine.separate_users)
        return type(engine)(settings)

    monkeypatch.setattr(doctor, "ENGINES", {settings.engine: same})
    probes = list(PROBES)
    if engine.name == "bubblewrap" and engine.separate_users:
        # It takes ten seconds; the other engines try it, and attacks do.
        probes = [probe for probe in PROBES if probe.guarantee != "loading is limited"]
    monkeypatch.setattr(doctor, "PROBES", probes)
    findings = list(doctor.examine(settings))
    assert len(findings) == len(probes) + 2
    assert [finding for finding in findings if not finding.held] == []


def test_docker_s_limits_are_in_force(docker_image: str) -> None:
    """As the daemon reports them of a running container."""
    settings = SandboxSettings(engine="docker", image=docker_image)
    with Session(selection.select_engine(settings)) as session:
        session.start()
        name = run("docker", "ps", "--quiet", "--filter=name=eager-sandbox-").stdout.split()[0]
        host = json.loads(run("docker", "inspect", name).stdout)[0]["HostConfig"]
    wanted = {
        "NetworkMode": "none", "ReadonlyRootfs": True, "CapDrop": ["ALL"], "PidsLimit": 64,
        "SecurityOpt": ["no-new-privileges"], "IpcMode": "none", "Binds": None,
        "Privileged": False, "AutoRemove": True, "Memory": settings.memory_bytes + (512 << 20),
        "MemorySwap": settings.memory_bytes + (512 << 20),
    }  # fmt: skip
    assert {key: host[key] for key in wanted} == wanted
    capabilities = {one.removeprefix("CAP_") for one in host["CapAdd"]}
    assert capabilities == {"KILL", "SETGID", "SETUID"}
    assert "noexec" in host["Tmpfs"]["/scratch"]


def test_bubblewrap_binds_no_more_than_it_needs() -> None:
    """Never the root, a home, the project or the site-packages of this machine."""
    arguments = mounts()
    sources = [
        Path(arguments[index + 1]).resolve()
        for index, word in enumerate(arguments)
        if word in ("--ro-bind", "--bind")
    ]
    assert "--bind" not in arguments
    assert arguments[-2:] == ["--remount-ro", "/"]
    for private in ("/", "/root", "/home", "/etc", "/tmp", "/usr", str(Path.cwd())):
        assert Path(private) not in sources
    assert not any(source.name in ("site-packages", "dist-packages") for source in sources)


def test_bubblewrap_unshares_every_namespace(bubblewrap: SandboxEngine) -> None:
    """That of users only where bwrap is not root's: a solution would be root to the kernel."""
    assert isinstance(bubblewrap, BubblewrapEngine)
    command = bubblewrap.command()
    for word in ("ipc", "pid", "net", "uts"):
        assert f"--unshare-{word}" in command
    assert ("--unshare-user" in command) is (os.geteuid() != 0)
    for word in ("--die-with-parent", "--new-session", "--as-pid-1", "--clearenv"):
        assert word in command


SHIM = """#!/bin/sh
for word in "$@"; do printf '%s\\n' "$word"; done > "$SHIM_LOG"
env | grep -E '^(APPTAINER|SINGULARITY)' >> "$SHIM_LOG"
exit 7
"""


def test_apptainer_s_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no Apptainer here: a shim records how it would be called."""
    shim = tmp_path / "bin/apptainer"
    shim.parent.mkdir()
    shim.write_text(SHIM)
    shim.chmod(0o755)
    image = tmp_path / "evaluate.sif"
    monkeypatch.setenv("PATH", f"{shim.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("SHIM_LOG", str(tmp_path / "log"))
    engine = ApptainerEngine(SandboxSettings(engine="apptainer", image=str(image)))
    with pytest.raises(EagerError, match=r"evaluate\.sif is not there"):
        engine.check()
    image.touch()
    engine.check()
    for name in ("APPTAINER_BIND", "APPTAINERENV_HF_TOKEN", "SINGULARITYENV_X", "APPTAINER_TMPDIR"):
        monkeypatch.setenv(name, "/of/this/machine")
    with pytest.raises(EagerError, match="apptainer container did not start"):
        Session(engine).start()
    words = (tmp_path / "log").read_text().splitlines()
    assert words.pop() == "APPTAINER_TMPDIR=/of/this/machine"
    assert words[1] == "exec"
    assert "--scratch=/opt/evalplus" in words
    for word in (
        "--containall", "--cleanenv", "--no-home", "--no-privs", "--drop-caps=all", "--net",
        "--network=none", "--scratch=/scratch", str(image), "python3",
    ):  # fmt: skip
        assert word in words
    assert not any(word.startswith(("--bind", "-B")) and word != "-B" for word in words)


def test_auto_takes_the_first_that_works(
    bubblewrap: SandboxEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    settings = SandboxSettings(image="eager-no-such-image:1")
    assert selection.select_engine(settings).name == "bubblewrap"
