"""The commands `eager images ...`, and `eager launch`, which every rule begins with."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from typer.core import TyperCommand

from eager.containers.recipes import ImageName, reference
from eager.containers.settings import RUNTIME_VARIABLE, ContainerRuntime, Engine
from eager.util.errors import EagerError

app = typer.Typer()
images = typer.Typer(
    name="images",
    help="Build, check and record the container images.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(images)

Names = Annotated[list[str] | None, typer.Argument(help="images; all if none is named")]
EngineOption = Annotated[str, typer.Option(help="docker or podman")]
FilesOnly = Annotated[bool, typer.Option(help="look at the repository's files only")]


@images.command()
def build(
    names: Names = None,
    base: Annotated[
        str | None, typer.Option(help="image to build on; local: one made by debootstrap")
    ] = None,
    engine: EngineOption = "docker",
) -> None:
    """Build the images whose recipe or base has changed, and their SBOMs."""
    from eager.containers.build import build_image, local_base

    base = base or None
    if base == "local":
        base = local_base(typer.echo)
    # Another base has no CUDA and no vLLM, which the image for GPUs is made on.
    default = [name for name in get_args(ImageName) if base is None or name != "generate"]
    for name in _images(names) or default:
        build_image(name, _one_of(Engine, engine, "--engine"), base, typer.echo)


@images.command()
def verify(files_only: FilesOnly = False, engine: EngineOption = "docker") -> None:
    """Say what differs from containers/images.yaml; exit 1 if anything does."""
    from eager.containers.client import engine_client
    from eager.containers.records import compare_files, compare_images

    differences = compare_files()
    if not files_only:
        with engine_client(_one_of(Engine, engine, "--engine")) as client:
            differences += compare_images(client)
    for line in differences:
        typer.echo(line)
    if differences:
        raise EagerError(f"{len(differences)} differences from containers/images.yaml")
    typer.echo("everything is as containers/images.yaml records")


@images.command()
def lock(files_only: FilesOnly = False, engine: EngineOption = "docker") -> None:
    """Record recipes, and the digests of images on this machine, in containers/images.yaml."""
    from eager.containers.client import engine_client
    from eager.containers.records import record

    if files_only:
        record(None)
        return
    with engine_client(_one_of(Engine, engine, "--engine")) as client:
        record(client)


@images.command()
def conda(
    check: Annotated[bool, typer.Option(help="only say what has drifted; exit 1 if so")] = False,
) -> None:
    """Write envs/*.yaml, conda environments, from the lock files."""
    from eager.containers.conda import write_environments

    drifted = write_environments(check=check)
    for path in drifted:
        typer.echo(f"{'differs' if check else 'written'}: {path}")
    if check and drifted:
        raise EagerError("run `eager images conda` and commit the result")


@images.command("reference")
def reference_command(name: str) -> None:
    """Print the name of an image with the current recipe."""
    (image,) = _images([name])
    typer.echo(reference(image))


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
    step = Step(
        image=options.image,
        command=command,
        read=tuple(options.read),
        write=tuple(options.write),
        write_folders=tuple(options.write_folder),
        memory_mb=options.memory,
        gpus=options.gpus,
        network=options.network,
    )
    runtime: ContainerRuntime = "none" if options.outside else _runtime()
    if runtime in get_args(Engine):
        raise SystemExit(run_in_container(step, _one_of(Engine, runtime, "runtime")))
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


def _parse_launch(words: Sequence[str]) -> tuple[argparse.Namespace, tuple[str, ...]]:
    parser = argparse.ArgumentParser(prog="eager launch", add_help=False, allow_abbrev=False)
    parser.add_argument("--image", required=True, choices=get_args(ImageName))
    for name in ("--read", "--write", "--write-folder"):
        parser.add_argument(name, nargs="*", type=Path, default=[], action="extend")
    parser.add_argument("--memory", type=int, default=4000)
    parser.add_argument("--gpus", type=int, default=0)
    parser.add_argument("--network", action="store_true")
    parser.add_argument("--outside", action="store_true")
    if "--" not in words:
        parser.error("the step's command comes after --")
    split = list(words).index("--")
    command = tuple(words[split + 1 :])
    if not command:
        parser.error("there is no command after --")
    return parser.parse_args(words[:split]), command


def _runtime() -> ContainerRuntime:
    value = os.environ.get(RUNTIME_VARIABLE, "none")
    runtime: ContainerRuntime = _one_of(ContainerRuntime, value, RUNTIME_VARIABLE)
    return runtime


def _images(names: Sequence[str] | None) -> list[ImageName]:
    return [_one_of(ImageName, name, "image") for name in names or ()]


def _one_of(known: Any, value: str, what: str) -> Any:
    if value not in get_args(known):
        raise EagerError(f"{what} {value!r}: write one of {', '.join(get_args(known))}")
    return value
