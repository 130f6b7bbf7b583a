"""What the page is made from besides code: templates, style, scripts, captions of figures."""

from __future__ import annotations

import hashlib
from pathlib import Path

FOLDER = Path(__file__).parent
KINDS = ("*.j2", "*.css", "*.js", "captions/*.rst")


def read_asset(name: str) -> str:
    """The text of a file of this package."""
    return (FOLDER / name).read_text(encoding="utf-8")


def captions() -> dict[str, str]:
    """A text per figure, on one line each."""
    paths = sorted(FOLDER.glob("captions/*.rst"))
    return {path.stem: " ".join(path.read_text(encoding="utf-8").split()) for path in paths}


def assets_fingerprint() -> str:
    """Hash (16 hex digits) of all these files, so that a change to one makes the page again."""
    digest = hashlib.sha256()
    for path in sorted(path for kind in KINDS for path in FOLDER.glob(kind)):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(FOLDER)} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]
