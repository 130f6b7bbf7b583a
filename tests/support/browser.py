"""A headless Chromium that opens pages from disk and records every request and every error."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


def start_driver(chromium: str, driver_path: str, profile: Path) -> Any:
    """A browser with a profile of its own, which logs requests and console messages."""
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
