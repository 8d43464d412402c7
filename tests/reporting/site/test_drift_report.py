"""Evidently's page in a real browser: on a phone and on paper its parts are one below the other, and nothing is cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from selenium.webdriver.support.ui import WebDriverWait

from ml_platform.operations.monitoring.report import drift_report
from tests.browser import chromium
from tests.operations.monitoring.test_report import LOOKED, same
from tests.page_faults import Mode, open_as

pytestmark = pytest.mark.slow
LONG = "destination_punctuality_of_the_last_week.mean_delay_of_departures_7d"
_DRAWN = "return document.querySelectorAll('.js-plotly-plot').length > 0"
_OUTSIDE = """return [...document.querySelectorAll('#verdicts *, [id^=root_metric] *')]
  .filter(part => part.checkVisibility() && part.getBoundingClientRect().right > innerWidth + 1)
  .map(part => part.tagName + ': ' + part.textContent.slice(0, 40))"""
_COVERED = """const box = part => part.getBoundingClientRect();
const all = selector => [...document.querySelectorAll(`[id^=root_metric] ${selector}`)];
const names = all('h5'), cells = all('td');
return names.filter(name => cells.some(cell => box(name).left + name.scrollWidth > box(cell).left + 1
  && box(name).bottom > box(cell).top && box(name).top < box(cell).bottom)).map(name => name.textContent)"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({LONG: draw.normal(size=200), "amount": draw.normal(size=200)})
    page = drift_report(frame, frame, same(frame), LOOKED)
    assert page is not None
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(page)
    return file


@pytest.mark.parametrize("mode", ["light", "phone", "print"])
def test_nothing_leaves_the_page_and_no_name_covers_a_figure(report: Path, mode: Mode) -> None:
    with chromium() as browser:
        open_as(browser, report.as_uri(), mode)
        WebDriverWait(browser, 60).until(lambda driver: driver.execute_script(_DRAWN))
        names = browser.execute_script("return [...document.querySelectorAll('h5')].map(part => part.textContent)")
        assert LONG in names
        assert browser.execute_script(_OUTSIDE) == []
        assert browser.execute_script(_COVERED) == []
