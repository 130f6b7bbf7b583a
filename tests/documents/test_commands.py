"""Every command in the documentation: run in a checkout as a reader would, or marked why not."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from eager.cli import app
from tests.support.documents import Block, blocks, inline_commands, rule_names
from tests.support.repository import ROOT, Repository, copy_repository

RUN = [block for block in blocks("bash") if block.reason is None]
SECONDS = 900


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    """A clone with everything installed and the demo made, as the quick start leaves it."""
    if not (ROOT / "results/demo/report.html").is_file():
        pytest.skip("the pages speak of the demo's results: make demo")
    repository = copy_repository(tmp_path_factory.mktemp("checkout"))
    folder = repository.folder
    for name in ("results", ".snakemake/metadata"):
        shutil.copytree(ROOT / name, folder / name, dirs_exist_ok=True)
    (folder / ".venv").symlink_to(Path(sys.prefix))
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "Clone"]):
        subprocess.run(
            ["git", "-c", "user.name=reader", "-c", "user.email=reader@example.org", *command],
            cwd=folder,
            check=True,
        )
    yield repository
    shutil.rmtree(folder)


@pytest.mark.long
@pytest.mark.parametrize("block", RUN, ids=str)
def test_a_block_of_commands_runs_as_it_stands(checkout: Repository, block: Block) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.text],
        cwd=checkout.folder,
        env=checkout.environment | {"PATH": f"{sys.prefix}/bin{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{block}\n{block.text}\n{done.stdout}\n{done.stderr}"


def test_a_block_that_is_not_run_says_why() -> None:
    for block in blocks("bash"):
        assert block.reason is None or len(block.reason.split()) >= 2, block


def test_commands_in_running_text_exist() -> None:
    """`eager x --y` names a command and its options, `make x` a target, `snakemake x` a rule."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    rules = rule_names()
    unknown = []
    for page, text in inline_commands():
        program, *words = shlex.split(text.replace(" ...", ""), comments=True)
        if program == "make" and words[0] not in targets:
            unknown.append((page, text))
        if program == "snakemake":
            unknown += [
                (page, text)
                for word in words[:1]
                if re.fullmatch(r"\w+", word) and word not in rules
            ]
        if program == "eager" and not _is_command(words):
            unknown.append((page, text))
    assert unknown == []


def _is_command(words: list[str]) -> bool:
    """Whether words are a command of `eager` with options it has."""
    command = typer.main.get_command(app)
    rest = list(words)
    while rest and hasattr(command, "commands"):
        if rest[0] not in command.commands:
            return False
        command = command.commands[rest.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    return all(word.split("=")[0] in known for word in rest if word.startswith("--"))
