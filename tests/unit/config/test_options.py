"""Options as JSON: what is wrong with them is said in one line."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from eager.cli import app
from eager.config.settings import EngineOptions
from eager.util.errors import EagerError
from eager.util.validation import read_options

KNOWN = (
    "; write a JSON object with any of max_num_seqs, gpu_memory_utilization, tensor_parallel_size, "
    "cpu_kv_cache_gib"
)
MISTAKES = {
    "{bad": "Invalid JSON: key must be a string at line 1 column 2",
    "": "Invalid JSON: EOF while parsing a value at line 1 column 0",
    "[]": "Input should be an object",
    '{"max_num_seqs": 0}': ("max_num_seqs: Input should be greater than or equal to 1, got 0"),
    '{"max_seqs": 8, "cpu_kv_cache_gib": "x"}': (
        "cpu_kv_cache_gib: Input should be a valid integer, unable to parse string as an integer, "
        "got 'x', unknown key 'max_seqs'; did you mean 'max_num_seqs'?"
    ),
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.items(), ids=MISTAKES)
def test_mistakes_are_said_in_one_line(text: str, message: str) -> None:
    with pytest.raises(EagerError, match=f"^{re.escape(f'--engine: {message}{KNOWN}')}$"):
        read_options(EngineOptions, text, "--engine")


def test_what_is_right_is_read() -> None:
    assert read_options(EngineOptions, '{"max_num_seqs": 8}', "--engine").max_num_seqs == 8


@pytest.mark.parametrize(
    "command",
    [
        ["generate", "--experiment=x", "--result=y", "--engine={bad"],
        ["evaluate", "--experiment=x", "--result=y", "--sandbox={bad"],
        ["import", "x", "--output=y", "--sandbox={bad"],
        ["import", "x", "--output=y", "--code={bad"],
    ],
    ids=" ".join,
)
def test_commands_report_them(command: list[str]) -> None:
    error = CliRunner().invoke(app, command).exception
    assert isinstance(error, EagerError)
    assert str(error).startswith(f"{command[-1].partition('=')[0]}: Invalid JSON")


@pytest.mark.parametrize(("configured", "used"), [(0, 3), (2, 2)])
def test_programs_at_a_time_are_the_jobs_cores_unless_configured(
    configured: int, used: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[int] = []
    resolved = SimpleNamespace(target=lambda _: SimpleNamespace(program={}))
    monkeypatch.setattr("eager.config.experiment.read_experiment", lambda _: resolved)
    monkeypatch.setattr(
        "eager.evaluation.evaluate.evaluate", lambda *words: found.append(words[2].workers) or []
    )
    words = ["evaluate", "--experiment=x", "--result=y", "--workers=3"]
    done = CliRunner().invoke(app, [*words, f'--sandbox={{"workers": {configured}}}'])
    assert (done.exit_code, found) == (0, [used])


def test_the_environment_is_named_where_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EAGER_SANDBOX", "{bad")
    error = CliRunner().invoke(app, ["verify", "--run-programs", "x"]).exception
    assert isinstance(error, EagerError)
    assert str(error).startswith("EAGER_SANDBOX: Invalid JSON")
