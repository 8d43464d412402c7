"""The front page of thirty models with long names, of which many have one trouble, in a real browser."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ml_platform.reporting.overview.attention import Attention
from ml_platform.reporting.overview.worth import Worth
from ml_platform.reporting.site.facts import SiteFacts, site_facts
from ml_platform.reporting.site.site import write_site
from tests.audit.verify.factory import MODEL, NOON, build_factory
from tests.browser import chromium
from tests.page_faults import MODES, open_as, page_faults

pytestmark = pytest.mark.slow
NAMES = [f"probability_of_a_delay_in_region_{number:02}_of_the_north" for number in range(30)]
CAUSE = Attention(True, "source orders failed a check, so nothing that reads it is computed", "Repair the data")
WORTH = Worth(1_234_567_890.12, 9e8, 1.6e9, 1.5e9, 9, "2024-03-01", "2024-03-09", "EUR", "9 days")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    now = NOON + timedelta(days=1, hours=12)
    facts = site_facts(build_factory(tmp_path_factory.mktemp("factory")), now)
    (model,) = (item for item in facts.catalog.models if item.name == MODEL)
    card = facts.cards[MODEL]
    overviews = [
        replace(card.overview, name=name, worth=WORTH, attention=(CAUSE,) if place < 12 else ())
        for place, name in enumerate(NAMES)
    ]
    many = SiteFacts(
        replace(facts.catalog, models=tuple(replace(model, name=name) for name in NAMES)),
        {item.name: replace(card, overview=item) for item in overviews},
    )
    return write_site(many, tmp_path_factory.mktemp("site"))


def test_one_cause_is_named_once_and_no_mode_has_a_fault(page: Path) -> None:
    assert page.read_text().count("Source orders failed a check") == 1
    with chromium() as browser:
        for mode in MODES:
            open_as(browser, page.as_uri(), mode)
            assert page_faults(browser) == [], mode
            (box,) = browser.find_elements("css selector", ".attention li")
            assert "and 7 more: Source orders failed" in " ".join(box.text.split())
