"""What the page is made from besides code: templates, style, scripts, captions of figures."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent


def read_asset(name: str) -> str:
    """The text of a file of this package."""
    return (FOLDER / name).read_text(encoding="utf-8")


def captions() -> dict[str, str]:
    """A text per figure, on one line each."""
    paths = sorted(FOLDER.glob("captions/*.rst"))
    return {path.stem: " ".join(path.read_text(encoding="utf-8").split()) for path in paths}
