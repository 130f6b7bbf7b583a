"""What run.json says of the code: its commit, and whether it is the commit's."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from eager.util import git


@pytest.mark.parametrize(
    ("file", "dirty"),
    [
        ("README.md", True),  # tracked
        ("workflow/eager/algorithm/methods/mine.py", True),
        ("workflow/eager/util/__pycache__/git.pyc", False),  # ignored
        ("notes.txt", False),
    ],
)
def test_a_file_of_the_package_is_dirt_though_git_was_not_told_of_it(
    file: str, dirty: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "workflow/eager/util/git.py"
    module.parent.mkdir(parents=True)
    for path in (module, tmp_path / "README.md"):
        path.write_text("as committed")
    (tmp_path / ".gitignore").write_text("__pycache__\n")
    for words in ("init -q", "add .", "-c user.name=a -c user.email=a@b commit -qm a"):
        subprocess.run(["git", "-C", str(tmp_path), *words.split()], check=True)
    monkeypatch.setattr(git, "__file__", str(module))
    assert git.code_state()["dirty"] is False
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text("new")
    assert git.code_state()["dirty"] is dirty
