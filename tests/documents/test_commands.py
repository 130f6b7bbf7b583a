"""Every command in the documentation: run in a checkout as a reader would, or marked why not."""

from __future__ import annotations

import csv
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

STEPS = "config/README.md", "## In one command"
"""The page with experiments of one's own, step by step, and the heading behind them."""
RUN = [block for block in blocks("bash") if block.reason is None]
WALKTHROUGH = [
    block
    for block in RUN
    if block.document == STEPS[0]
    and block.line < (ROOT / STEPS[0]).read_text().split(STEPS[1])[0].count("\n")
]
SECONDS = 900


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    """A clone whose jobs find the scripted engine."""
    yield from clone(tmp_path_factory.mktemp("checkout"), scripted=True)


@pytest.fixture
def real_checkout(tmp_path: Path) -> Iterator[Repository]:
    """A clone whose jobs find vLLM."""
    yield from clone(tmp_path / "checkout", scripted=False)


def clone(folder: Path, *, scripted: bool) -> Iterator[Repository]:
    """A clone with everything installed and the demo made, as the quick start leaves it."""
    if not (ROOT / "results/demo/report.html").is_file():
        pytest.skip("the pages speak of the demo's results: make demo")
    repository = copy_repository(folder, scripted=scripted)
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
@pytest.mark.parametrize("block", [block for block in RUN if block not in WALKTHROUGH], ids=str)
def test_a_block_of_commands_runs_as_it_stands(checkout: Repository, block: Block) -> None:
    run_block(checkout, block)


@pytest.mark.long
def test_experiments_of_ones_own_score_with_the_demos_model(real_checkout: Repository) -> None:
    """Math, choice, programs, a method of one's own and a sweep, as they stand on the page."""
    for block in WALKTHROUGH:
        run_block(real_checkout, block)
    rows = [
        row
        for name in ("mine", "more")
        for row in csv.DictReader(
            (real_checkout.folder / f"results/{name}/tables/summary.csv").open()
        )
    ]
    best: dict[str, float] = {}
    for row in rows:
        for key in (row["dataset"], row["method"]):
            best[key] = max(best.get(key, 0.0), float(row["pass_at_k"]))
    methods = {"parallel", "eager_init", "second_and_third"}
    assert set(best) == {"my-questions", "my-choices", "my-programs"} | methods
    assert min(best.values()) > 0, best


def run_block(checkout: Repository, block: Block) -> None:
    """Run a block of commands in a clone as a reader would."""
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
