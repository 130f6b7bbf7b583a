"""`python -m tools.images`: build, check and record the container images."""

from __future__ import annotations

from typing import Annotated, get_args

import typer

from eager.containers.recipes import ROOT, ImageName, reference
from eager.containers.settings import ContainerEngine
from eager.util.errors import EagerError
from tools.docs.sections import update_files
from tools.images.build import build_image, local_base
from tools.images.conda import environments
from tools.images.records import compare_files, compare_images, record

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)

EngineOption = Annotated[ContainerEngine, typer.Option(help="whose images")]
FilesOnly = Annotated[bool, typer.Option(help="look at the repository's files only")]


@app.command()
def build(
    names: Annotated[list[str] | None, typer.Argument(help="images; all if none is named")] = None,
    base: Annotated[
        str | None, typer.Option(help="image to build on; local: one made by debootstrap")
    ] = None,
    engine: EngineOption = "docker",
) -> None:
    """Build the images whose recipe or base has changed, and their SBOMs."""
    base = local_base(typer.echo) if base == "local" else base or None
    # Another base has no CUDA and no vLLM, which the image for GPUs is made on.
    default = [name for name in get_args(ImageName) if base is None or name != "generate"]
    if unknown := set(names or ()) - set(get_args(ImageName)):
        raise EagerError(f"no image {', '.join(unknown)}: write {', '.join(get_args(ImageName))}")
    for name in get_args(ImageName):
        if name in (names or default):
            build_image(name, engine, base, typer.echo)


@app.command()
def verify(files_only: FilesOnly = False, engine: EngineOption = "docker") -> None:
    """Say what differs from containers/images.yaml; exit 1 if anything does."""
    differences = compare_files()
    if not files_only:
        differences += compare_images(engine)
    for line in differences:
        typer.echo(line)
    if differences:
        raise EagerError(f"{len(differences)} differences from containers/images.yaml")
    typer.echo("everything is as containers/images.yaml records")


@app.command()
def lock(files_only: FilesOnly = False, engine: EngineOption = "docker") -> None:
    """Record recipes, and the digests of images here, in images.yaml; make envs/*.yaml again."""
    record(None if files_only else engine)
    for path in update_files(environments(ROOT), check=False):
        typer.echo(f"written: {path}")


@app.command("reference")
def reference_command(name: ImageName) -> None:
    """Print the name of an image with the current recipe."""
    typer.echo(reference(name))


if __name__ == "__main__":
    try:
        app()
    except EagerError as error:
        raise SystemExit(f"error: {error}") from None
