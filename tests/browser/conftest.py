"""A headless Chromium that opens pages from disk and remembers every request and every error."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from eager.report.figures.draw import FIGURES, draw_figures
from eager.report.page.page import write_report
from eager.report.results import CellResults
from tests.support.synthetic import SyntheticRun

SCREENSHOTS = os.environ.get("EAGER_SCREENSHOTS")


@dataclass
class Page:
    """A page in the browser."""

    driver: Any
    path: Path

    def run(self, script: str, *arguments: Any) -> Any:
        """The value of JavaScript in the page."""
        return self.driver.execute_script(script, *arguments)

    def all(self, selector: str) -> list[Any]:
        return self.driver.find_elements("css selector", selector)

    def one(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def wait_for(self, text: str) -> None:
        """Wait until the explorer's status says something."""
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, 60).until(lambda _: text in self.one("#status").text)

    def keys(self, *keys: str) -> None:
        """Press keys where the focus is."""
        self.driver.switch_to.active_element.send_keys(*keys)

    def requests(self) -> list[str]:
        """Addresses that the page asked for, without what it carries inside."""
        events = [
            json.loads(row["message"])["message"] for row in self.driver.get_log("performance")
        ]
        urls = [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in urls if not url.startswith(("data:", "blob:"))]

    def console(self) -> list[str]:
        """Everything on the console."""
        return [row["message"] for row in self.driver.get_log("browser")]

    def screenshot(self, name: str) -> bytes:
        """What the window shows; kept if EAGER_SCREENSHOTS names a folder."""
        image: bytes = self.driver.get_screenshot_as_png()
        if SCREENSHOTS:
            folder = Path(SCREENSHOTS)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}.png").write_bytes(image)
        return image


@pytest.fixture
def open_page(tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Open a file at a window width, light or dark; checks requests and console at the end."""
    chromium, driver_path = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver_path:
        pytest.skip("needs Debian's packages chromium and chromium-driver: apt-get install them")
    pages: list[Page] = []

    def start(path: Path, *, width: int = 1300, height: int = 900, scheme: str = "light") -> Page:
        driver = _driver(chromium, driver_path, tmp_path / f"profile-{len(pages)}")
        page = Page(driver, path)
        pages.append(page)
        driver.set_page_load_timeout(120)
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        driver.get("about:blank")
        driver.get_log("performance")  # the browser's own start page
        driver.get(path.as_uri())
        page.wait_for("right")
        return page

    try:
        yield start
        for page in pages:
            assert page.requests() == [page.path.as_uri()]
            assert page.console() == []
    finally:
        for page in pages:
            page.driver.quit()


def _driver(chromium: str, driver_path: str, profile: Path) -> Any:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        f"--user-data-dir={profile}",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=Service(executable_path=driver_path))


def make_report(folder: Path, cells: list[CellResults]) -> Path:
    """Figures and report of synthetic cells, as the rules make them."""
    draw_figures(cells, None, folder / "figures", "synthetic--")
    figures = [folder / f"figures/synthetic--{name}.svg" for name in FIGURES]
    write_report(cells, None, figures, folder / "report.html")
    return folder / "report.html"


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a small synthetic run of two cells, with hostile texts in every place."""
    folder = tmp_path_factory.mktemp("report")
    run = SyntheticRun(prompts=4, width=8, length=900)
    return make_report(folder, [run.make(folder), SyntheticRun(length=40).make(folder)])
