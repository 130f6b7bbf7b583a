"""What is said of a machine, from a simulated nvidia-smi to the line with what to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from eager.machine import hardware
from eager.machine.check import Check
from eager.machine.hardware import (
    GIB,
    blocking,
    check_hardware,
    find_machine,
    parse_gpus,
)
from eager.machine.page import CheckLine, exit_code
from eager.util.files import read_json
from tests.support.machines import A100, GOOD, OTHER


def changed(**facts: Any) -> list[CheckLine]:
    return check_hardware(replace(GOOD, **facts))


def test_a_machine_that_has_everything() -> None:
    lines = check_hardware(GOOD)
    assert {line.verdict for line in lines} == {"ok"}
    assert exit_code(lines) == 0
    assert not blocking(lines)
    assert GOOD.on_gpu


@pytest.mark.parametrize(
    ("facts", "name", "verdict", "told"),
    [
        ({"gpus": None}, "GPUs", "missing", "install NVIDIA's driver"),
        ({"gpus": [], "smi_error": "no driver"}, "GPUs", "missing", "no driver"),
        ({"visible": ""}, "GPUs", "missing", "unset CUDA_VISIBLE_DEVICES"),
        ({"visible": "0,7"}, "GPUs", "differs", "names 2 devices, and 1 of them"),
        ({"driver_cuda": "12.4"}, "driver", "differs", "a driver for CUDA 13.0"),
        ({"vllm": None}, "vLLM", "missing", "make setup"),
        ({"vllm": ("vllm", "0.10.2")}, "vLLM", "differs", "install version 0.31.0"),
        ({"torch_cuda": None}, "torch", "differs", "built for CPUs"),
        ({"memory": GIB}, "memory", "differs", "1.0 GiB free"),
        ({"shared": GIB // 16}, "shared memory", "differs", "--shm-size"),
        ({"disk": GIB}, "disk", "differs", "free space"),
        ({"files": "no locks"}, "file system of results", "differs", "no locks let results/ be"),
        (
            {"gpus": [replace(A100, compute=6.1)]},
            "GPU 0",
            "differs",
            "compute capability 7.5 or more",
        ),
        ({"gpus": [replace(A100, free=GIB)]}, "GPU 0", "differs", "end what uses"),
    ],
)
def test_what_lacks_is_told_with_what_to_do(
    facts: dict, name: str, verdict: str, told: str
) -> None:
    (line,) = [line for line in changed(**facts) if line.name == name]
    assert line.verdict == verdict
    assert told in f"{line.found} {line.to_do}"
    assert exit_code([line]) == {"missing": 3, "differs": 1}[verdict]


def test_a_busy_machine_is_told() -> None:
    assert not any(line.name == "load" for line in changed(load=15.9))
    (line,) = [line for line in changed(load=16.0) if line.name == "load"]
    assert (line.verdict, exit_code([line])) == ("note", 0)


def test_devices_are_those_that_may_be_seen() -> None:
    assert replace(GOOD, visible="GPU-bb, 0").usable == [OTHER, A100]
    one = changed(visible="1", shared=0)
    assert {line.verdict for line in one} == {"ok"}  # one GPU shares its memory with no other


def test_fields_of_nvidia_smi() -> None:
    text = "0, GPU-aa, NVIDIA A100-SXM4-80GB, 81920, 80896, 580.65, 8.0\n"
    assert parse_gpus(text) == [A100]
    assert parse_gpus(text.replace("8.0", "[N/A]"))[0].compute is None
    with pytest.raises(ValueError, match="6 fields"):
        parse_gpus(text.replace(", 8.0", ""))


SMI = """#!/bin/sh
if [ $# -gt 0 ]; then echo '0, GPU-aa, NVIDIA A100-SXM4-80GB, 81920, 80896, 580.65, 8.0'
else echo '| NVIDIA-SMI 580.65   Driver Version: 580.65   CUDA Version: 13.0  |'; fi
"""


@pytest.fixture
def simulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose nvidia-smi lists a device."""
    program = tmp_path / "bin/nvidia-smi"
    program.parent.mkdir()
    program.write_text(SMI)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return program


def test_facts_of_a_simulated_device(simulated: Path, tmp_path: Path) -> None:
    found = find_machine(tmp_path / "results")
    assert found.gpus == [A100]
    assert (found.driver_cuda, found.pinned) == ("13.0", "0.31.0")
    assert found.files == ""
    assert list((tmp_path / "results").iterdir()) == []
    for module, name, told in (
        (hardware, "replacing", "a file cannot take another's name"),
        (hardware.fcntl, "flock", "files cannot be locked"),
    ):
        with mock.patch.object(module, name, side_effect=OSError):
            assert find_machine(tmp_path / "results").files == told
    simulated.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed' >&2\nexit 9\n")
    broken = find_machine(tmp_path / "results")
    assert (broken.gpus, broken.smi_error) == ([], "NVIDIA-SMI has failed")


@pytest.mark.usefixtures("simulated")
def test_nothing_long_is_begun_with_the_wrong_software(tmp_path: Path) -> None:
    """A GPU, and the build for CPUs: the page says so at once."""
    said: list[str] = []
    output = tmp_path / "results/gpu-check"
    check = Check(tmp_path / "manifest.json", tmp_path / "prompts", output, said.append)
    assert check.run() == 1
    verdicts = {
        line["name"]: line["verdict"] for line in read_json(output / "report.json")["lines"]
    }
    assert verdicts["GPUs"] == "ok"
    assert verdicts["torch"] == "differs"
    assert verdicts["demo"] == "missing"
    assert verdicts["engine"] == "note"
    page = (output / "report.md").read_text()
    assert "1 missing; exit code 1" in page
    assert "To do: run `make demo`" in page
    assert not (output / "trials").exists()
