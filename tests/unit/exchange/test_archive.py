"""Archives: what was packed is verified, every change is named, hostile ones are refused."""

from __future__ import annotations

import json
import os
import random
import shutil
import stat
import subprocess
import zipfile
from pathlib import Path

import pyarrow.compute as pc
import pytest
from rocrate.rocrate import ROCrate

from eager.config.settings import METHODS
from eager.exchange.archive import plan as archive_plan
from eager.exchange.archive.crate import make_archive
from eager.exchange.archive.packing import MANIFEST_NAME
from eager.exchange.archive.verify import verify_archive
from eager.exchange.import_ import ImportOptions, import_folder
from eager.util.errors import EagerError
from eager.util.files import sha256_file
from eager.util.tables import read_table, write_table
from tests.support.archives import TABLES, Change, experiment_of, finish, pack_synthetic, repack
from tests.support.authors_files import RUNS
from tests.support.synthetic import SyntheticRun

EXPERIMENT = "results/synthetic/experiment.json"


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of a synthetic experiment; its working folder is gone when it is verified."""
    output = tmp_path_factory.mktemp("archive") / "archive.zip"
    pack_synthetic(tmp_path_factory.mktemp("run"), output)
    return output


def verify(path: Path) -> list[str]:
    told: list[str] = []
    verify_archive(path, None, told.append)
    return told


def test_an_archive_is_verified_from_itself_alone(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = verify(packed)
    assert [line.split(" files ")[0] for line in told[1:5]] == ["4", "2", "4", "28"]
    assert "28 files written again: the same (comparison.csv" in told[4]
    assert list(tmp_path.iterdir()) == []


def test_the_rule_of_a_cell_decides_its_allocation_again(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    pack_synthetic(tmp_path / "run", tmp_path / "archive.zip", rule="authors")
    assert "2 files shared again: the same (allocation.json)" in verify(tmp_path / "archive.zip")


def test_imported_results_and_methods_of_ones_own_travel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are verified where neither the imported files nor the method's module are."""
    sources, archive = tmp_path / "methods", tmp_path / "archive.zip"
    for folder in (sources, tmp_path / "run", tmp_path / "elsewhere"):
        folder.mkdir()
    (sources / "mine.py").write_text("def children(top): return top[1:3]\n")
    with monkeypatch.context() as here:
        here.chdir(tmp_path / "run")
        import_folder(RUNS / "wide", ImportOptions(), Path("results/theirs"), lambda _: None)
        targets = SyntheticRun(prompts=5, width=3, length=12, vocabulary=40).make(Path())
        folder = f"{Path(targets[1].folder).parent}/mine"
        shutil.copytree(targets[1].folder, folder)
        settings = targets[1].settings.model_copy(update={"method": "mine"})
        places = {"folder": folder, "metrics": f"{folder}/metrics.json"}
        own = targets[1].model_copy(update={"method": "mine", "settings": settings, **places})
        experiment = experiment_of([*targets, own], "results/theirs")
        finish(experiment)
        here.setattr(archive_plan, "PACKAGE", sources)
        here.setattr(archive_plan, "own_methods", lambda: ("mine",))
        make_archive(experiment, [Path(targets[0].model_manifest)], archive)
    monkeypatch.chdir(tmp_path / "elsewhere")
    told = verify(archive)
    assert "28 files written again: the same (comparison.csv" in told[4]
    assert told[5] == "3 imported results: as they were imported"
    packed = unpacked(archive)
    source = packed["workflow/eager/algorithm/methods/mine.py"]
    assert source == (sources / "mine.py").read_bytes()
    theirs = {Path(name).name for name in packed if name.startswith("results/theirs/")}
    assert theirs >= {"metrics.json", "sequences.parquet", "verdicts.parquet", "run.json"}


def test_the_standards_hold(packed: Path, tmp_path: Path) -> None:
    crate = ROCrate(packed)
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(tmp_path)
    subprocess.run(["sha256sum", "--check", "--quiet", MANIFEST_NAME], cwd=tmp_path, check=True)
    listed = {entity.id: entity for entity in crate.get_by_type("File")}
    on_disk = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(listed) == len(on_disk) - 2  # without the metadata itself and the manifest
    tables = [entity for name, entity in listed.items() if name.startswith(f"{TABLES}/summary")]
    assert len(tables) == 3
    for entity in tables:
        assert entity["sha256"] == sha256_file(tmp_path / entity.id)
    actions = crate.get_by_type("CreateAction")
    assert len(actions) == len(METHODS)
    assert all(action["result"] and action["instrument"] for action in actions)


def unpacked(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def flip(name: str) -> Change:
    def change(files: dict[str, bytes]) -> None:
        content = bytearray(files[name])
        content[len(content) // 2] ^= 1
        files[name] = bytes(content)

    return change


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (flip(f"{TABLES}/summary.csv"), f"{TABLES}/summary.csv: changed"),
        (flip("ro-crate-metadata.json"), "ro-crate-metadata.json: changed"),
        (lambda files: files.pop(f"{TABLES}/summary.md"), f"{TABLES}/summary.md: missing"),
        (lambda files: files.update({"more.txt": b"x"}), "more.txt: additional"),
    ],
)
def test_a_changed_a_missing_and_an_additional_file_are_named(
    packed: Path, tmp_path: Path, change: Change, named: str
) -> None:
    with pytest.raises(EagerError, match="1 files not as they were packed") as caught:
        verify(repack(packed, tmp_path / "changed.zip", change, honest=False))
    assert named in str(caught.value)


def test_any_changed_byte_is_found(packed: Path, tmp_path: Path) -> None:
    """But in the zip's own bookkeeping, where no file's content changes."""
    content = packed.read_bytes()
    chance = random.Random(8)
    broken = tmp_path / "broken.zip"
    known = unpacked(packed)
    for position in chance.sample(range(len(content)), 60):
        changed = bytearray(content)
        changed[position] ^= 1 << chance.randrange(8)
        broken.write_bytes(changed)
        try:
            verify(broken)
        except EagerError as error:
            assert str(broken) in str(error)  # noqa: PT017
        else:
            assert unpacked(broken) == known


def edit_metrics(files: dict[str, bytes]) -> None:
    [name] = [name for name in files if name.endswith("/parallel/metrics.json")]
    files[name] = json.dumps(json.loads(files[name]) | {"pass_at_k": 1.0}).encode()


def edit_verdicts(files: dict[str, bytes]) -> None:
    [name] = [name for name in files if name.endswith("/eager/verdicts.parquet")]
    path = Path(os.environ["PYTEST_SCRATCH"]) / "verdicts.parquet"
    path.write_bytes(files[name])
    table = read_table(path, "verdicts")
    place = table.schema.get_field_index("correct")
    right = pc.if_else(pc.is_valid(table["prompt_id"]), True, False)
    write_table(path, table.set_column(place, "correct", right), "verdicts")
    files[name] = path.read_bytes()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (edit_metrics, "parallel/metrics.json"),
        (edit_verdicts, "eager/verdicts.parquet"),
        (flip(f"{TABLES}/summary.csv"), f"{TABLES}/summary.csv"),
    ],
)
def test_what_does_not_follow_from_the_sequences_is_named_even_if_its_checksum_is_right(
    packed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Change,
    named: str,
) -> None:
    monkeypatch.setenv("PYTEST_SCRATCH", str(tmp_path))
    with pytest.raises(EagerError, match="not what comes out when") as caught:
        verify(repack(packed, tmp_path / "edited.zip", change, honest=True))
    assert named in str(caught.value)


def hostile(path: Path, name: str, content: bytes, mode: int = stat.S_IFREG) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MANIFEST_NAME, "")
        member = zipfile.ZipInfo(name)
        member.external_attr = (mode | 0o644) << 16
        member.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(member, content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "mode", "message"),
    [
        ("../outside.txt", b"x", stat.S_IFREG, "not a plain relative path"),
        ("/outside.txt", b"x", stat.S_IFREG, "not a plain relative path"),
        ("a/../../outside.txt", b"x", stat.S_IFREG, "not a plain relative path"),
        ("a\\..\\outside.txt", b"x", stat.S_IFREG, "not a plain relative path"),
        ("link", b"/etc/passwd", stat.S_IFLNK, "a link or device"),
        ("bomb", bytes(10_000_000), stat.S_IFREG, "times its size"),
        (MANIFEST_NAME, b"x", stat.S_IFREG, "is there twice"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_hostile_archives_are_refused_before_anything_is_written(
    tmp_path: Path, name: str, content: bytes, mode: int, message: str
) -> None:
    archive = hostile(tmp_path / "hostile.zip", name, content, mode)
    with pytest.raises(EagerError, match=message):
        verify(archive)
    assert list(tmp_path.iterdir()) == [archive]


def test_a_plan_that_leads_out_of_the_archive_is_refused(packed: Path, tmp_path: Path) -> None:
    def change(files: dict[str, bytes]) -> None:
        files[EXPERIMENT] = files[EXPERIMENT].replace(
            b"results/datasets", b"../../results/datasets"
        )

    with pytest.raises(EagerError, match=rf"named in {EXPERIMENT} but missing:\n  ../../results"):
        verify(repack(packed, tmp_path / "leading.zip", change, honest=True))


def test_only_files_of_the_working_folder_are_packed(packed: Path, tmp_path: Path) -> None:
    with pytest.raises(EagerError, match="holds files of this folder only"):
        make_archive(experiment_of([]), [Path("../secret.txt")], tmp_path / "archive.zip")


def test_a_folder_is_no_archive(tmp_path: Path) -> None:
    with pytest.raises(EagerError, match="a folder; name a file that"):
        verify(tmp_path)
