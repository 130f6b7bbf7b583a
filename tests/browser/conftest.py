"""Fixtures: a browser that checks every request and message, and a report to open in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.browser import Page, start_driver
from tests.support.reports import make_report
from tests.support.synthetic import SyntheticRun


@pytest.fixture
def open_page(tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Open a file at a window width, light or dark; checks requests and console at the end."""
    chromium, driver_path = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver_path:
        pytest.skip("needs Debian's packages chromium and chromium-driver: apt-get install them")
    pages: list[Page] = []

    def start(path: Path, *, width: int = 1300, height: int = 900, scheme: str = "light") -> Page:
        driver = start_driver(chromium, driver_path, tmp_path / f"profile-{len(pages)}")
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


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a small synthetic run of two cells, with hostile texts in every place."""
    folder = tmp_path_factory.mktemp("report")
    run = SyntheticRun(prompts=4, width=8, length=900)
    return make_report(folder, [*run.make(folder), *SyntheticRun(length=40).make(folder)])
