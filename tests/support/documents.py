"""Commands and examples of the documentation, and the names of rules they may use."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from functools import cache

from tests.support.repository import ROOT

BLOCK = re.compile(
    r"(?:<!-- not run: (?P<reason>[^>]*?) -->\s*)?^```(?P<language>\w+)\n(?P<text>.*?)^```",
    re.DOTALL | re.MULTILINE,
)
RULE = re.compile(r"^(?:use rule \w+ as|rule) (\w+)", re.MULTILINE)
INLINE = re.compile(r"(?<!`)`((?:eager|make|snakemake) [^`\n]+)`(?!`)")


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, its language, its text, and why it is not run, if so."""

    document: str
    line: int
    language: str
    text: str
    reason: str | None

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


@cache
def documents() -> tuple[str, ...]:
    """Every Markdown page of the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(name for name in listed.stdout.splitlines() if (ROOT / name).is_file())


def blocks(language: str) -> list[Block]:
    """All fenced blocks in a language, in the order of the pages."""
    found = []
    for name in documents():
        text = (ROOT / name).read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            if match["language"] == language:
                line = text.count("\n", 0, match.start("text"))
                found.append(Block(name, line, language, match["text"], match["reason"]))
    return found


def inline_commands() -> list[tuple[str, str]]:
    """Commands in running text: (page, command). The changelog names those of former versions."""
    return [
        (name, command)
        for name in documents()
        if name != "CHANGELOG.md"
        for command in INLINE.findall((ROOT / name).read_text(encoding="utf-8"))
    ]


def rule_names() -> set[str]:
    """Names of all rules of the workflow."""
    files = [ROOT / "workflow/Snakefile", *(ROOT / "workflow/rules").glob("*.smk")]
    return {name for file in files for name in RULE.findall(file.read_text(encoding="utf-8"))}
