"""What a step in a real container may do and leaves behind; the smallest image is enough."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from eager.containers import launch
from eager.containers.launch import Mount, Step, container_options, remove_orphans
from eager.containers.recipes import ROOT
from eager.containers.settings import SOFTWARE_VARIABLE, ContainerEngine
from tests.support.docker import leftovers, run, unavailable

PROBE = """
import json, os, socket, sys
def attempt(action):
    try:
        return str(action())
    except OSError as error:
        return type(error).__name__ + ": " + str(error)
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
json.dump({
    "connect": attempt(lambda: socket.create_connection(("1.1.1.1", 53), 3)),
    "resolve": attempt(lambda: socket.getaddrinfo("pypi.org", 443)),
    "interfaces": sorted(name for _, name in socket.if_nameindex()),
    "root": attempt(lambda: open("/etc/new", "w")),
    "code": attempt(lambda: open(os.environ["PYTHONPATH"] + "/eager/new", "w")),
    "input": attempt(lambda: open("in/given.txt", "a")),
    "neighbour": attempt(lambda: open("in/other.txt")),
    "rights": status["CapEff"].strip(),
    "no_new": status["NoNewPrivs"].strip(),
    "user": [os.getuid(), os.getgid()],
    "home": attempt(lambda: open(os.path.expanduser("~/x"), "w").close() or "ok"),
    "locale": [os.environ["LANG"], os.environ["TZ"]],
    "host_variable": "HOST_VARIABLE" in os.environ,
    "engine": os.environ.get("EAGER_ENGINE"),
    "software": json.loads(os.environ["EAGER_SOFTWARE"]),
    "inside": json.load(open("/opt/eager/image.json"))["name"],
    "shm": os.statvfs("/dev/shm").f_blocks * os.statvfs("/dev/shm").f_frsize,
}, open("out/report.json", "w"))
"""


class LaunchFolder:
    """A folder to launch steps in."""

    def __init__(self, folder: Path, runtime: ContainerEngine) -> None:
        self.folder = folder
        self.runtime = runtime
        for name in ("in", "out"):
            (folder / name).mkdir()
        for name in ("given", "other"):
            (folder / f"in/{name}.txt").write_text(name)

    def command(self, *words: str, options: tuple[str, ...] = ()) -> list[str]:
        return [
            *(sys.executable, "-m", "eager", "launch", "--image", "evaluate"),
            *("--read", "in/given.txt", "--write", "out/report.json", *options, "--", *words),
        ]

    def start(self, command: list[str]) -> subprocess.Popen[str]:
        environment = os.environ | {
            "EAGER_CONTAINER_RUNTIME": self.runtime,
            "PYTHONPATH": str(ROOT / "workflow"),
            "HOST_VARIABLE": "1",
            "EAGER_ENGINE": '{"max_num_seqs": 3}',
        }
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def launch(self, *words: str, options: tuple[str, ...] = ()) -> tuple[int, str, str]:
        process = self.start(self.command(*words, options=options))
        output, errors = process.communicate(timeout=120)
        return process.returncode, output, errors

    def report(self) -> dict:
        return json.loads((self.folder / "out/report.json").read_text())


@pytest.fixture
def desk(docker_image: str, tmp_path: Path) -> Iterator[LaunchFolder]:
    yield LaunchFolder(tmp_path, "docker")
    assert leftovers() == []


def test_a_step_sees_and_may_do_what_its_rule_says(desk: LaunchFolder) -> None:
    code, output, errors = desk.launch("python3", "-c", PROBE, options=("--memory", "600"))
    assert code == 0, output + errors
    report = desk.report()
    assert "Network is unreachable" in report["connect"]
    assert "Error" in report["resolve"] or "gaierror" in report["resolve"]
    assert report["interfaces"] == ["lo"]
    for target in ("root", "code", "input"):
        assert "Read-only file system" in report[target], report[target]
    assert "No such file" in report["neighbour"]
    assert report["rights"] == "0" * 16
    assert report["no_new"] == "1"
    assert report["user"] == [os.getuid(), os.getgid()]
    assert report["home"] == "ok"
    assert report["locale"] == ["C.UTF-8", "UTC"]
    assert not report["host_variable"]
    assert report["engine"] == '{"max_num_seqs": 3}'
    assert report["shm"] == pytest.approx(300e6, rel=0.01)
    assert report["inside"] == "evaluate"
    assert re.fullmatch("sha256:[0-9a-f]{64}", report["software"]["image_id"])
    assert set(report["software"]["code"]) == {"commit", "dirty"}


def test_output_exit_code_and_interfaces_come_through(desk: LaunchFolder) -> None:
    program = "import socket, sys; print(len(socket.if_nameindex()) > 1); sys.exit('said so')"
    code, output, errors = desk.launch("python3", "-c", program, options=("--network",))
    assert (code, output) == (1, "True\n")
    assert "said so" in errors


def test_a_step_over_its_memory_is_reported(desk: LaunchFolder) -> None:
    code, _, errors = desk.launch(
        "python3", "-c", "b = bytearray(10**9); print(len(b))", options=("--memory", "100")
    )
    assert code == 1
    assert "used more than its 100 MB; raise mem_mb" in errors


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


SLEEP = "import time; open('out/started', 'w').close(); time.sleep(600)"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_nothing_running(desk: LaunchFolder, number: signal.Signals) -> None:
    process = desk.start(desk.command("python3", "-c", SLEEP))
    until((desk.folder / "out/started").exists)
    assert len(leftovers()) == 1
    process.send_signal(number)
    if number == signal.SIGTERM:  # the step does not react to it, and a second signal is final
        time.sleep(1)
        process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert leftovers() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_step_may_leave_in_order(desk: LaunchFolder, number: signal.Signals) -> None:
    orderly = f"import signal, sys; signal.signal({int(number)}, lambda *_: sys.exit(75))\n"
    process = desk.start(desk.command("python3", "-c", orderly + SLEEP))
    until((desk.folder / "out/started").exists)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == 75


def test_a_launcher_whose_parent_dies_leaves_nothing_running(desk: LaunchFolder) -> None:
    script = "import subprocess, sys; subprocess.run(sys.argv[1:])"
    command = desk.command("python3", "-c", SLEEP)
    process = desk.start([sys.executable, "-c", script, *command])
    until((desk.folder / "out/started").exists)
    process.kill()
    process.communicate(timeout=60)
    until(lambda: not leftovers())


def test_what_a_killed_launcher_leaves_the_next_one_removes(desk: LaunchFolder) -> None:
    process = desk.start(desk.command("python3", "-c", SLEEP))
    until((desk.folder / "out/started").exists)
    process.kill()
    process.communicate(timeout=60)
    (orphan,) = leftovers()
    alive = desk.start(desk.command("python3", "-c", SLEEP.replace("started", "second")))
    until((desk.folder / "out/second").exists)
    (other,) = leftovers()
    assert other != orphan
    # A container whose launcher lives is left alone.
    assert desk.launch("python3", "-c", "pass")[0] == 0
    assert leftovers() == [other]
    alive.send_signal(signal.SIGTERM)
    alive.communicate(timeout=60)


def test_a_container_that_goes_while_it_is_looked_at_is_no_mistake(
    docker_daemon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Launchers look at each other's containers, and these end at any time."""
    monkeypatch.setattr(launch, "ask_engine", lambda *_: f"{'0' * 64}\n")
    remove_orphans("docker")


def test_mistakes_are_reported(desk: LaunchFolder) -> None:
    (desk.folder / "in/given.txt").unlink()
    code, _, errors = desk.launch("python3", "-c", "pass")
    assert code == 1
    assert "in/given.txt: no such file" in errors
    process = desk.start(
        [sys.executable, "-m", "eager", "launch", "--image", "generate", "--", "true"]
    )
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert re.search("eager-generate:[0-9a-f]{16} is not on this machine: make images", errors)
    assert "Traceback" not in errors


def test_options_name_devices_mounts_user_and_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables without their values: other users may read a command line."""
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setattr(os, "getuid", lambda: 4321)
    monkeypatch.setattr(os, "geteuid", lambda: 4321)
    step = Step("generate", ("eager", "generate"), memory_mb=1000, gpus=2)
    mounts = [Mount(Path("/a, b"), Path("/b"), read_only=True)]
    given = (mounts, ["GPU-aa", "GPU-bb"], {"image": "x"})
    options = container_options(step, "docker", *given)
    assert set(options) > {
        '--gpus="device=GPU-aa,GPU-bb"',
        '--mount=type=bind,"source=/a, b",target=/b,readonly',
        "--memory=1000000000b",
        "--memory-swap=1000000000b",
        f"--user=4321:{os.getgid()}",
        "--env=OMP_NUM_THREADS",
    }
    assert not any("HF_TOKEN" in word for word in options)
    (software,) = [word for word in options if word.startswith(f"--env={SOFTWARE_VARIABLE}=")]
    assert json.loads(software.split("=", 2)[2])["image"] == "x"
    by_podman = container_options(replace(step, network=True), "podman", *given)
    assert set(by_podman) > {
        *("--device=nvidia.com/gpu=GPU-bb", "--userns=keep-id", "--env=HF_TOKEN")
    }


def test_podman_runs_the_same_step(docker_image: str, tmp_path: Path) -> None:
    if shutil.which("podman") is None:
        pytest.skip("no podman here")
    archive = tmp_path / "image.tar"
    run("docker", "save", f"--output={archive}", docker_image)
    loaded = run("podman", "load", "--quiet", f"--input={archive}")
    archive.unlink()
    if loaded.returncode != 0:
        unavailable("podman", f"podman cannot load an image here: {loaded.stderr[-300:]}")
    desk = LaunchFolder(tmp_path, "podman")
    code, output, errors = desk.launch("python3", "-c", PROBE, options=("--memory", "600"))
    if code != 0 and "refuses" in errors:
        unavailable("podman", f"podman's service cannot start a container here: {errors[-300:]}")
    assert code == 0, output + errors
    assert "Network is unreachable" in desk.report()["connect"]
    assert "Read-only file system" in desk.report()["root"]
    assert run("podman", "ps", "--all", "--quiet").stdout == ""
