"""Progress: the same facts as plain lines in a log file and as a live line on a terminal."""

from __future__ import annotations

import io
import re

import pytest

from eager.generation import progress
from eager.generation.progress import Progress

FACTS = (
    r"job: (\|.{10}\| )?20/28 prompts, 7 running sequences, 14 branches, 4,405 tokens, "
    r"[\d,]+ tokens/s"
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def job(stream: io.StringIO, found: int, monkeypatch: pytest.MonkeyPatch, pause: float) -> str:
    monkeypatch.setattr(progress, "PLAIN_INTERVAL", pause)
    monkeypatch.setattr(progress, "TERMINAL_INTERVAL", pause)
    shown = Progress("job", 28, stream)
    shown.say("before it begins")
    shown.begin(found)
    shown.update(20, 7, 14, 4405)
    shown.update(20, 7, 14, 4406)
    shown.say("a remark")
    shown.end(28, 15, 5000)
    return stream.getvalue()


def test_a_log_file_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    text = job(io.StringIO(), 5, monkeypatch, pause=0)
    assert not set(text) & {"\r", "\x1b"}
    before, begin, first, second, remark, end = text.splitlines()
    assert before == "job: before it begins"
    assert begin == "job: 5/28 prompts, 5 of them found finished, ? left"
    assert re.fullmatch(FACTS + r", 5 of them found finished, \d\d:\d\d left", first)
    assert "20/28 prompts" in second
    assert "4,406 tokens, " in second
    assert remark == "job: a remark"
    assert end.startswith("job: 28/28 prompts, 0 running sequences, 15 branches, 5,000 tokens, ")


def test_lines_are_apart_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    text = job(io.StringIO(), 0, monkeypatch, pause=1000)
    assert [line.split()[1] for line in text.splitlines()] == ["before", "0/28", "a", "28/28"]
    assert "found finished" not in text


def test_a_terminal_has_one_live_line(monkeypatch: pytest.MonkeyPatch) -> None:
    text = job(Terminal(), 5, monkeypatch, pause=0)
    assert re.search(r"\r" + FACTS, text)
    lines = text.split("\n")
    assert lines[0].endswith("job: before it begins")
    assert lines[1].endswith("job: a remark")
    assert re.search(r"\rjob: .*28/28 prompts, 0 running sequences, 15 branches", lines[2])
    assert lines[3:] == [""]


def test_a_job_without_prompts_ends() -> None:
    stream = io.StringIO()
    shown = Progress("job", 0, stream)
    shown.begin(0)
    shown.end(0, forks=0, tokens=0)
    assert "0/0 prompts, 0 running sequences" in stream.getvalue().splitlines()[-1]


def test_the_log_is_told_too(capsys: pytest.CaptureFixture[str]) -> None:
    Progress("job", 1, io.StringIO()).say("a remark")
    assert capsys.readouterr().err == "a remark\n"
