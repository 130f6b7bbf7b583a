"""The commit of the code that runs."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any


def code_state() -> dict[str, Any]:
    """Commit of the checkout that holds this code, and whether it had uncommitted changes."""
    folder = Path(__file__).parent

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(folder), *arguments],
                capture_output=True,
                text=True,
                encoding="utf-8",
                check=True,
            )
        except (OSError, subprocess.CalledProcessError):
            return None
        return done.stdout.strip()

    changes = git("status", "--porcelain", "--untracked-files=no")
    # A method of one's own is code, though nobody has told git of it.
    new = git("ls-files", "--others", "--exclude-standard", "--", str(folder.parent))
    dirty = None if changes is None else bool(changes or new)
    return {"commit": git("rev-parse", "HEAD"), "dirty": dirty}
