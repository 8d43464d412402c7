"""Hostile names, descriptions and cells: no page that the platform writes or serves runs them as script."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.browser import chromium, console
from tests.hostile import COLUMN, HOSTILE, Inspection, write_hostile_shop
from tests.up_server import up

pytestmark = pytest.mark.server

DRAWN = ".js-plotly-plot, canvas, svg"
RAN = "return [window.PWNED, window.parent === window ? null : window.parent.PWNED]"


@dataclass
class Made:
    root: Path
    id: str
    printed: dict[str, str]


def call(*command: object, expect: int = 0) -> str:
    program = [str(Path(sys.executable).parent / "ml-platform"), *map(str, command)]
    variables = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run(program, capture_output=True, text=True, check=False, env=variables)
    assert done.returncode == expect, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    root = write_hostile_shop(tmp_path_factory.mktemp("hostile") / "shop", days=75)
    printed = {"run": call("run", root), "advance": call("advance", "1d", root, "--run")}  # a day to be monitored
    id = json.loads(call("predictions", "late_parcel", root, "--limit", 1, "--json"))["predictions"][0]["prediction_id"]
    for name, command in {
        "status": ["status", root],
        "predictions": ["predictions", "late_parcel", root],
        "explain": ["explain", id, root],
        "explain page": ["explain", id, root, "--html", root / "page.html"],
        "site": ["site", root, "--to", root / "site"],
        "graph": ["graph", root],
        "snapshots": ["snapshots", root],
        "plan": ["plan", root],
        "verify": ["verify", root],
        "quarantine": ["quarantine", root],
        "plan with data": ["plan", root, "--data"],
    }.items():
        printed[name] = call(*command)
    return Made(root, id, printed)


def pages(made: Made) -> list[Path]:
    rows = [*(made.root / "site").rglob("*.html"), made.root / "page.html"]
    reports = [*(made.root / ".ml_platform/reports").rglob("*.html")]
    assert len(rows) >= 7
    assert reports
    return [*rows, *reports]


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    with chromium() as driver:
        yield driver


def test_each_page_has_a_policy_before_everything_and_no_markup_of_the_data(made: Made) -> None:
    for page in pages(made):
        inspection = Inspection(page.read_text(encoding="utf-8"))
        assert inspection.faults == [], page
        assert inspection.policy is not None, page
        assert inspection.policy.startswith("default-src 'none'"), page
        target = "'self'" if "site" in page.parts else "'none'"  # the search box of a site asks its own server
        assert f"base-uri 'none'; form-action {target}" in inspection.policy, page
        assert "'unsafe-inline'" not in inspection.policy.partition("script-src")[2].partition(";")[0], page
        if "reports" not in page.parts:
            assert inspection.scripts == (2 if "site" in page.parts else 0), page


def wait_for_text(browser: webdriver.Chrome, text: str) -> None:
    """Wait until a page shows a text: what ran before that would have run."""
    WebDriverWait(browser, 120).until(lambda page: text in page.find_element(By.TAG_NAME, "body").text)
    time.sleep(0.3)  # for handlers of what was just drawn


def test_a_browser_runs_no_text_of_the_data_and_shows_the_pages(made: Made, browser: webdriver.Chrome) -> None:
    for page in pages(made):
        console(browser)
        browser.get(page.as_uri())
        if "reports" in page.parts:
            WebDriverWait(browser, 120).until(lambda page: page.find_elements(By.CSS_SELECTOR, DRAWN))
        time.sleep(0.3)
        assert browser.execute_script(RAN) == [None, None], page
        shown = browser.find_element(By.TAG_NAME, "body").text
        assert [line for line in console(browser) if "Content Security Policy" in line] == [], page
        if "reports" in page.parts:
            wait_for_text(browser, "courier_recent.")
            assert browser.execute_script(RAN) == [None, None], page
        else:
            assert "window.PWNED" in shown, page
    browser.get((made.root / "site/index.html").as_uri())
    box = browser.find_element(By.ID, "search")
    assert box.is_displayed()  # the site's own script runs
    box.send_keys("onerror")
    assert COLUMN in browser.find_element(By.ID, "results").text
    assert browser.execute_script(RAN) == [None, None]


def test_nothing_that_is_printed_steers_the_terminal(made: Made) -> None:
    for name, text in made.printed.items():
        assert not set(text) & {"\x1b", "\x07", "\x9b"}, name
    assert "\\x1b]0;owned\\x07" in made.printed["explain"]
    assert "[red]" in made.printed["explain"]  # a text, and no style
    assert "window.PWNED" in made.printed["quarantine"]


def test_the_served_pages_run_no_text_of_the_data(made: Made, browser: webdriver.Chrome, tmp_path: Path) -> None:
    with up(made.root, tmp_path / "printed") as served:
        for path in (
            "sources/orders",
            "late_parcel/monitoring",
            "features/courier_recent",
            "late_parcel/snapshot",
            "sources/parcels",
        ):
            browser.get(f"{served.dagster}/assets/{path}")
            wait_for_text(browser, "window.PWNED")
            assert browser.execute_script(RAN) == [None, None], path
        report = next((made.root / ".ml_platform/reports").rglob("*.html"))
        place = report.relative_to(made.root / ".ml_platform/reports").as_posix()
        console(browser)
        browser.get(f"{served.dagster}/pages/sandboxed/{place}")
        wait_for_text(browser, "window.PWNED")
        assert browser.execute_script("return window.origin") == "null"  # an origin of its own, without the UI's rights
        assert browser.execute_script("return window.PWNED") is None
        assert [line for line in console(browser) if "Content Security Policy" in line] == []
        (made.root / ".ml_platform/pages").mkdir()
        (made.root / ".ml_platform/pages/x.svg").write_text(
            '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>window.PWNED=1</script></svg>'
        )
        browser.get(f"{served.dagster}/pages/x.svg")
        assert browser.execute_script("return window.PWNED") is None
        browser.get(f"{served.mlflow}/#/experiments/1/runs?workflowType=machine_learning")
        wait_for_text(browser, "matching run")
        assert browser.execute_script(RAN) == [None, None]


def test_the_hostile_text_was_where_it_is_expected(made: Made) -> None:
    assert "window.PWNED" in (made.root / "data/orders.csv").read_text()
    assert HOSTILE in json.loads(call("graph", made.root, "--json"))["nodes"][0].get("description", HOSTILE)
    assert "onerror" in call("explain", made.id, made.root, "--json")
    assert any("window.PWNED" in page.read_text(encoding="utf-8") for page in pages(made) if "reports" in page.parts)
