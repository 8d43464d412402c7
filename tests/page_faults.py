"""What is wrong with a page as a browser shows it: axe-core's rules, and what they do not look at.

Found are console errors, requests to elsewhere, text that leaves its place, too little contrast (also in pictures,
which axe does not measure), missing alternative texts, and every other rule of WCAG 2.1 A and AA of axe-core.
"""

from __future__ import annotations

import base64
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from selenium import webdriver

from tests.browser import console

Mode = Literal["light", "dark", "phone", "print"]
MODES: tuple[Mode, ...] = get_args(Mode)
_SIZES: dict[Mode, tuple[int, int]] = {
    "light": (1400, 900),
    "dark": (1400, 900),
    "phone": (390, 844),
    "print": (718, 1047),  # A4 with margins of a centimeter
}
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
_SCRIPT = Path(__file__).with_suffix(".js")
_LOADED = "return performance.getEntriesByType('resource').map(entry => entry.name).concat(location.href)"


def axe_source() -> str:
    """Return axe-core as it is released."""
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


def open_as(browser: webdriver.Chrome, address: str, mode: Mode) -> None:
    """Open a page in a window of the mode's size and colors; what the console had before is forgotten."""
    width, height = _SIZES[mode]
    screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mode == "phone"}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    colors = {"name": "prefers-color-scheme", "value": "dark" if mode == "dark" else "light"}
    media = "print" if mode == "print" else ""
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": [colors]})
    console(browser)
    browser.get(address)


def page_faults(browser: webdriver.Chrome) -> list[str]:
    """Return what is wrong with the page that is open, each in a sentence; nothing where all is well."""
    problems = [f"console: {line}" for line in console(browser)]
    here = urlsplit(browser.current_url)[:2]
    loaded: list[str] = browser.execute_script(_LOADED)
    problems += [f"loads {name}" for name in loaded if urlsplit(name).scheme != "data" and urlsplit(name)[:2] != here]
    browser.execute_script(axe_source())
    browser.execute_script(_SCRIPT.read_text(encoding="utf-8"))
    problems += browser.execute_script("return [...pageFaults.overflow(), ...pageFaults.contrast()]")
    violations: list[Any] = browser.execute_async_script("pageFaults.axe(...arguments)", _TAGS)
    return problems + [f"{rule}: {words}: {'; '.join(nodes)}" for rule, words, nodes in violations]


def take_picture(browser: webdriver.Chrome, file: Path, longest: int = 3000) -> None:
    """Write the whole page as a picture, down to so many pixels."""
    height = min(int(browser.execute_script("return document.documentElement.scrollHeight")), longest)
    width = int(browser.execute_script("return innerWidth"))
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    asked = {"format": "png", "captureBeyondViewport": True, "clip": clip}
    taken = browser.execute_cdp_cmd("Page.captureScreenshot", asked)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(base64.b64decode(taken["data"]))
