"""The report in a real browser: mouse, keyboard, light, dark, narrow; nothing leaves the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.support.browser import Page
from tests.support.synthetic import HOSTILE

pytest.importorskip("selenium", reason="needs the Python package selenium (envs/dev.lock)")
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

Open = Callable[..., Page]
pytestmark = pytest.mark.long


def test_hostile_texts_are_shown_as_text(open_page: Open, report: Path) -> None:
    page = open_page(report)
    assert page.one("#text").text.startswith(HOSTILE)
    assert page.driver.title == "EAGer: synthetic"
    assert page.all("main img[src='x'], #explorer script, main b b") == []
    page.one("#prompt summary").click()
    assert HOSTILE in page.one("#prompt-text").text
    assert "数" in page.one("#text").text


def test_every_sequence_has_the_text_that_was_generated(open_page: Open, report: Path) -> None:
    page = open_page(report)
    Select(page.one("#pick-cell")).select_by_index(1)
    Select(page.one("#pick-method")).select_by_visible_text("EAGer-adapt")
    page.wait_for("EAGer-adapt, prompt p0: 6 sequences")
    [result] = report.parent.glob("results/synthetic/*/*/M4-*/eager_adapt/sequences.parquet")
    rows = pq.read_table(result, filters=[("prompt_id", "=", "p0")]).to_pylist()
    texts = {f"#{row['sequence_index']}": row["text"] for row in rows}
    shown = {}
    for item in page.all("[role=treeitem]"):
        item.click()
        text = page.run("return document.getElementById('text').textContent")
        shown[item.text.split()[0]] = text
    assert shown == texts


def test_the_explorer_by_mouse(open_page: Open, report: Path) -> None:
    page = open_page(report)
    rows = page.all("[role=treeitem]")
    assert len(rows) == 8
    assert "EAGer-init, prompt p0: 8 sequences, 3 right, 7 branches" in page.one("#status").text
    child = next(row for row in rows if "from #" in row.text)
    assert " > 1.25, “" in child.text
    child.click()
    assert child.get_attribute("aria-selected") == "true"
    inherited = page.all("#text .inherited")
    facts = page.one("#facts").text
    assert inherited
    assert "inherited" in facts
    page.one("#branches button").click()
    readout = page.one("#readout").text
    assert "Branch: " in readout
    assert "> 1.250" in readout
    assert page.all("#text .branch")
    assert "fork" not in page.run("return document.body.innerText").lower()
    Select(page.one("#pick-method")).select_by_visible_text("EAGer")
    page.wait_for("EAGer, prompt p0: 12 sequences")
    assert len(page.all("[role=treeitem]")) == 12
    assert "round 1" in page.one("#tree").text
    page.one("#next-prompt").click()
    page.wait_for("prompt p1")
    Select(page.one("#pick-cell")).select_by_index(1)
    page.wait_for("EAGer, prompt p1: 6 sequences")
    Select(page.one("#pick-method")).select_by_visible_text("Full Parallel")
    page.wait_for("Full Parallel, prompt p1: 4 sequences")
    assert "root" in page.one("#tree").text
    assert page.one("#branches").text == "none"


def test_the_explorer_by_keyboard(open_page: Open, report: Path) -> None:
    page = open_page(report)
    page.run("document.getElementById('next-prompt').focus()")
    page.keys(Keys.TAB)
    assert page.run("return document.activeElement.tagName") == "SUMMARY"
    page.keys(Keys.TAB)
    assert page.run("return document.activeElement.getAttribute('role')") == "treeitem"
    outline = "return getComputedStyle(document.activeElement).outlineStyle"
    assert page.run(outline) == "solid"

    def selected() -> str:
        return page.one("[aria-selected=true]").text.split()[0]

    assert selected() == "#0"
    page.keys(Keys.ARROW_RIGHT)
    first = selected()
    assert first != "#0"
    page.keys(Keys.ARROW_LEFT)
    assert selected() == "#0"
    page.keys(Keys.ARROW_DOWN)
    assert selected() == first
    page.keys(Keys.END)
    last = selected()
    page.keys(Keys.HOME)
    assert selected() == "#0" != last
    page.keys(Keys.ENTER)
    assert page.run("return document.activeElement.id") == "text"
    page.keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert page.one("#readout").text.startswith("Token 1 of 900, ")
    assert "nats" in page.one("#readout").text
    page.keys(Keys.END)
    assert page.one("#readout").text.startswith("Token 899 of 900")
    assert "entropy not recorded" in page.one("#readout").text
    assert page.run("return document.getElementById('text').scrollTop") > 0


def test_long_texts_are_put_into_the_page_as_they_are_read(open_page: Open, report: Path) -> None:
    page = open_page(report)
    assert len(page.all("#text span")) == 600
    page.run("const text = document.getElementById('text'); text.scrollTop = text.scrollHeight")
    page.run("return new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))")
    assert len(page.all("#text span")) == 900


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1300, 400])
def test_it_is_readable(open_page: Open, report: Path, scheme: str, width: int) -> None:
    page = open_page(report, width=width, scheme=scheme)
    assert page.run("return document.documentElement.scrollWidth") <= width
    background = page.run("return getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") == (scheme == "light")
    assert all(page.run("return arguments[0].naturalWidth", i) > 0 for i in page.all("figure img"))
    images = {page.screenshot(f"{scheme}-{width}-top")}
    for section in ("figures", "explorer", "provenance"):
        page.run(f"document.getElementById('{section}').scrollIntoView()")
        if section == "explorer":
            page.run("document.querySelectorAll('[role=treeitem]')[2].click()")
        images.add(page.screenshot(f"{scheme}-{width}-{section}"))
    assert len(images) == 4
