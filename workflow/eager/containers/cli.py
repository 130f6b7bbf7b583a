"""The command `eager launch`, which every rule begins with."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import typer
from typer.core import TyperCommand

from eager.containers.recipes import ImageName
from eager.containers.settings import RUNTIME_VARIABLE, ContainerEngine, ContainerRuntime
from eager.util.errors import EagerError

app = typer.Typer()


class LaunchCommand(TyperCommand):
    """A command whose words, `--` among them, are left to `launch`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the words unchanged, except for --help alone."""
        if args == ["--help"]:
            return super().parse_args(ctx, args)
        ctx.args = list(args)
        return list(args)


@app.command(cls=LaunchCommand)
def launch(context: typer.Context) -> None:
    """Run a step of a rule: bare, or in a container that sees what the rule declares.

    eager launch --image NAME [--read PATH...] [--write FILE...] [--write-folder FOLDER...]
    [--memory MB] [--gpus N] [--network] [--outside] -- COMMAND...
    """
    from eager.containers.launch import Step, prepare_bare, run_in_container

    options, command = _parse_launch(context.args)
    runtime: ContainerRuntime = "none" if options.pop("outside") else _runtime()
    step = Step(command=command, **options)
    if runtime in get_args(ContainerEngine):
        raise SystemExit(run_in_container(step, _one_of(ContainerEngine, runtime, "runtime")))
    prepare_bare(step, runtime)
    python = shutil.which("python3")
    if command[0] == "eager" and python and Path(python).samefile(sys.executable):
        root = context.find_root().command
        code = root.main(args=list(command[1:]), prog_name="eager", standalone_mode=False)
        raise SystemExit(code or 0)
    if command[0] == "eager":
        # In a conda environment: its Python, not the one that runs Snakemake.
        command = (python or "python3", "-m", *command)
    os.execvp(command[0], command)  # noqa: S606 - no shell is wanted


def _parse_launch(words: Sequence[str]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The step's other fields with `outside`, and its command."""
    parser = argparse.ArgumentParser(prog="eager launch", add_help=False, allow_abbrev=False)
    parser.add_argument("--image", required=True, choices=get_args(ImageName))
    paths = {"--read": "read", "--write": "write", "--write-folder": "write_folders"}
    for flag, name in paths.items():
        parser.add_argument(flag, dest=name, nargs="*", type=Path, default=[], action="extend")
    parser.add_argument("--memory", dest="memory_mb", type=int, default=4000)
    parser.add_argument("--gpus", type=int, default=0)
    parser.add_argument("--network", action="store_true")
    parser.add_argument("--outside", action="store_true")
    if "--" not in words:
        parser.error("the step's command comes after --")
    split = list(words).index("--")
    command = tuple(words[split + 1 :])
    if not command:
        parser.error("there is no command after --")
    return vars(parser.parse_args(words[:split])), command


def _runtime() -> ContainerRuntime:
    value = os.environ.get(RUNTIME_VARIABLE, "none")
    runtime: ContainerRuntime = _one_of(ContainerRuntime, value, RUNTIME_VARIABLE)
    return runtime


def _one_of(known: Any, value: str, what: str) -> Any:
    if value not in get_args(known):
        raise EagerError(f"{what} {value!r}: write one of {', '.join(get_args(known))}")
    return value
