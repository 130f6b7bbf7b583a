"""`eager clean` finds every result, and deletes nothing where it cannot tell what one uses."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from eager.generation.store import FinishedPrompt, Store
from eager.progress.clean import DAY, Cleaned, clean
from eager.util.errors import EagerError
from eager.util.tables import BRANCHES, SEQUENCES

KEY = "ab" * 16
RUN = Path("m/d/cell/parallel/run.json")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A folder of results with one entry in its store."""
    finished = FinishedPrompt(SEQUENCES.empty_table(), BRANCHES.empty_table(), {})
    Store(tmp_path / "results/store", print).write(KEY, finished)
    return tmp_path / "results"


def write_run(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content))


def kept(results: Path) -> int:
    clean(results, results / "store", dry_run=False)
    return len(list(Store(results / "store", print).entries()))


def test_results_behind_links_are_found(results: Path, tmp_path: Path) -> None:
    write_run(tmp_path / "disk/exp" / RUN, {"store": [KEY]})
    (results / "exp").symlink_to(tmp_path / "disk/exp")
    assert kept(results) == 1
    (results / "exp").unlink()
    (results / "one").mkdir()
    (results / "one/m").symlink_to(tmp_path / "disk/exp/m")
    assert kept(results) == 1
    (results / "one/m").unlink()
    assert kept(results) == 0


def test_links_that_go_round_end(results: Path, tmp_path: Path) -> None:
    write_run(results / "exp" / RUN, {"store": [KEY]})
    (results / "exp/m/up").symlink_to(results)
    (results / "again").symlink_to(results / "exp")
    (results / "entries").symlink_to(results / "store")
    assert kept(results) == 1


def test_what_is_out_of_sight_is_not_taken_for_unused(results: Path, tmp_path: Path) -> None:
    (results / "exp").symlink_to(tmp_path / "not mounted")
    with pytest.raises(EagerError, match="exp: a link to nothing; mount what it leads to"):
        kept(results)
    (results / "exp").unlink()
    write_run(results / "exp" / RUN, {"store": [KEY]})

    def closed(place: str) -> Any:
        raise PermissionError(13, "Permission denied", place)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "scandir", closed)
        with pytest.raises(EagerError, match="results: cannot be read"):
            kept(results)
    assert kept(results) == 1


@pytest.mark.parametrize("keys", [None, 3, [["x"]], [KEY, 3], KEY, {KEY: 1}], ids=str)
def test_a_run_that_does_not_say_what_it_uses_stops_it(results: Path, keys: Any) -> None:
    write_run(results / "exp" / RUN, {"store": keys})
    with pytest.raises(EagerError, match=r"run\.json: store: a list of names is expected"):
        kept(results)
    assert list(Store(results / "store", print).entries()) != []


def test_imported_results_use_nothing(results: Path) -> None:
    write_run(results / "exp" / RUN, {})
    assert kept(results) == 0


def test_what_killed_jobs_left_half_written_goes_after_a_day(results: Path) -> None:
    write_run(results / "exp" / RUN, {"store": [KEY]})
    old, new = (results / f"store/ab/.{name}.zip.0123456789ab.tmp" for name in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"12345")
    os.utime(old, (0, new.stat().st_mtime - DAY - 60))
    for dry_run in (True, False):
        assert clean(results, results / "store", dry_run=dry_run) == Cleaned(0, 5, 1)
        assert (old.exists(), new.exists()) == (dry_run, True)
