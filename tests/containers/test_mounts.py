"""A step sees what its rule declares, writes where it may, and nothing else."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eager.containers.launch import Mount, plan_mounts
from eager.util.errors import EagerError

FILES = [f"{a}/{b}/{c}" for a in "ab" for b in "cd" for c in "ef"]
FOLDERS = [f"{a}/{b}" for a in "ab" for b in "cd"] + ["a", "b"]


def visible(mounts: list[Mount], path: Path) -> bool | None:
    """Whether a path is read-only in the container; None: it is not there."""
    state = None
    for mount in mounts:  # as an engine mounts: one after the other, later ones over earlier ones
        if mount.target == path or mount.target in path.parents:
            state = mount.read_only
    return state


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(
    read=st.sets(st.sampled_from(FILES + FOLDERS), max_size=4),
    write=st.sets(st.sampled_from([f"{folder}/new" for folder in FOLDERS]), max_size=3),
    folders=st.sets(st.sampled_from(FOLDERS), max_size=2),
)
def test_every_path_has_the_right_it_was_given(
    tmp_path: Path, read: set[str], write: set[str], folders: set[str]
) -> None:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    def paths(names: set[str]) -> list[Path]:
        return [tmp_path / name for name in sorted(names)]

    mounts = plan_mounts(paths(read), paths(write), paths(folders))
    writable = {str(PurePosixPath(name).parent) for name in write} | folders
    for name in FILES + FOLDERS:
        above = [name, *map(str, PurePosixPath(name).parents)]
        # The nearest declaration counts; where both are of one path, writing does.
        nearest = next((p for p in above if p in read | writable), None)
        expected = None if nearest is None else nearest not in writable
        assert visible(mounts, tmp_path / name) is expected, (name, mounts)


def test_a_missing_input_is_reported(tmp_path: Path) -> None:
    with pytest.raises(EagerError, match=r"nothing: no such file"):
        plan_mounts([tmp_path / "nothing"], [], [])


def test_links_are_followed_and_keep_their_name(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "results").symlink_to(tmp_path / "disk")
    (mount,) = plan_mounts([], [tmp_path / "results/new"], [])
    assert mount == Mount(tmp_path / "disk", tmp_path / "results", read_only=False)
