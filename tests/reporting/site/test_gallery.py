"""The pages of a small factory in a real browser, and faults that were planted in a page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from selenium import webdriver

from ml_platform.audit.explain import explain
from ml_platform.audit.explain.render_html import page_of
from ml_platform.reporting.comparison.compare import compare_versions
from ml_platform.reporting.site.facts import card_facts, site_facts
from ml_platform.reporting.site.pages import card_page, comparison_page
from ml_platform.reporting.site.site import write_site
from ml_platform.storage.prediction_log import read_predictions
from ml_platform.storage.versions import versions
from tests.audit.verify.factory import MODEL, NOON, build_factory
from tests.browser import chromium
from tests.page_faults import MODES, Mode, open_as, page_faults

NOW = NOON + timedelta(days=1, hours=12)
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Page</title>
<link rel="icon" href="data:,"></head>
<body style="background: white; color: black; margin: 0"><main><h1>Page</h1>{}</main></body></html>"""
PLANTED = {
    "color-contrast": '<p style="color: #aaa">pale</p>',
    "image-alt": '<img src="data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7">',
    "svg-img-alt": '<svg role="img" width="9" height="9"><rect width="9" height="9"/></svg>',
    "console:": "<script>missing()</script>",
    "loads http://127.0.0.1:9/": '<img alt="elsewhere" src="http://127.0.0.1:9/picture.png">',
    "leaves the window": '<p style="white-space: nowrap">' + "word " * 500 + "</p>",
    "is cut off": '<p style="width: 3rem; overflow: hidden; white-space: nowrap">A long line of text</p>',
    "leaves its picture": '<svg role="img" aria-label="x" width="20" height="9"><text y="9">too long</text></svg>',
    "in a picture has a contrast of 1.": (
        '<svg role="img" aria-label="x" width="99" height="20"><text x="0" y="12" fill="#ddd">pale</text></svg>'
    ),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    with chromium() as driver:
        yield driver


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = build_factory(tmp_path_factory.mktemp("factory"))
    folder = tmp_path_factory.mktemp("pages")
    write_site(site_facts(project, NOW), folder / "site")
    (folder / "card.html").write_text(card_page(card_facts(project, NOW, MODEL, 1), MODEL))
    first, second = versions(project, MODEL)
    compared = compare_versions(project, first, second, 10)
    (folder / "comparison.html").write_text(comparison_page(compared))
    log = read_predictions(project, MODEL, NOON - timedelta(days=1), NOW, ["prediction_id"])
    explanation = page_of(explain(project, str(log["prediction_id"].iloc[0]), NOW))
    (folder / "explanation.html").write_text(explanation)
    return folder


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_detected(browser: webdriver.Chrome, tmp_path: Path, fault: str) -> None:
    page = tmp_path / "page.html"
    page.write_text(PAGE.format(PLANTED[fault]))
    open_as(browser, page.as_uri(), "light")
    assert any(fault in problem for problem in page_faults(browser))


def test_a_page_without_a_fault_has_none(browser: webdriver.Chrome, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(PAGE.format("<p>All is well.</p>"))
    open_as(browser, page.as_uri(), "light")
    assert page_faults(browser) == []


@pytest.mark.parametrize("mode", MODES)
def test_no_page_of_the_site_has_a_fault(browser: webdriver.Chrome, site: Path, mode: Mode) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) == 9
    for page in pages:
        open_as(browser, page.as_uri(), mode)
        assert page_faults(browser) == [], (page.name, mode)
