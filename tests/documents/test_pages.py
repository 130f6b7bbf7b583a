"""Pages for readers: short lines, links that lead somewhere, numbers and rules that exist."""

from __future__ import annotations

import re
import string

import pandas as pd
import pytest

from tests.support.documents import BLOCK, blocks, documents, rule_names
from tests.support.repository import ROOT
from tools.docs.readme import KEPT

LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def anchors(text: str) -> set[str]:
    """Fragments of a page's headings, as code hosts make them."""
    dropped = string.punctuation.replace("-", "").replace("_", "")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {h.lower().translate(str.maketrans(" ", "-", dropped)) for h in headings}


def test_lines_of_the_readme_are_short() -> None:
    assert [line for line in README.splitlines() if len(line) >= 120] == []


@pytest.mark.parametrize("page", documents())
def test_links_lead_somewhere(page: str) -> None:
    path = ROOT / page
    broken = []
    for name, anchor in LINK.findall(path.read_text(encoding="utf-8")):
        target = path.parent / name if name else path
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            broken.append(f"{name}#{anchor}")
    assert broken == []


@pytest.mark.parametrize("page", documents())
def test_modules_that_a_page_names_exist(page: str) -> None:
    """In code marks, by the end of their path; a block of commands may write files of its own."""
    files = [f"/{path}" for name in ("workflow", "tests") for path in (ROOT / name).rglob("*.py")]
    text = BLOCK.sub("", (ROOT / page).read_text(encoding="utf-8"))
    named = re.findall(r"`([\w/]+\.py)`", text)
    assert [name for name in named if not any(file.endswith(f"/{name}") for file in files)] == []


def test_every_rule_in_the_diagram_exists() -> None:
    (diagram,) = [block.text for block in blocks("mermaid") if block.document == "README.md"]
    edges = diagram.partition("\n")[2].splitlines()
    nodes = {node.strip() for edge in edges for node in edge.split("-->")}
    assert len(nodes) >= 10
    assert nodes <= rule_names()


def test_numbers_of_the_demo_in_running_text_are_measured() -> None:
    table = pd.read_csv(KEPT)
    problems = table.drop_duplicates("dataset")["prompts"].sum()
    row = table[(table["dataset"] == "arithmetic") & (table["method"] == "eager_adapt")].iloc[0]
    text = " ".join(README.split())
    assert f"on {problems} problems" in text
    ours, theirs = (row[f"{name}_relative"] - 1 for name in ("tokens", "tokens_upstream"))
    said = f"{ours:.0%} more tokens than `parallel`, and {theirs:.0%} more by the authors' count"
    assert said.replace("%", " %") in text
