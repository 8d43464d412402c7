"""The site is current until something is recorded, or the simulated clock is moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ml_platform.core.errors import NotASite
from ml_platform.operations.alerts import Alert, send_alert
from ml_platform.project import Project
from ml_platform.reporting.site.recorded import MARKER, is_current, site_folder
from ml_platform.reporting.site.refresh import refresh_site
from ml_platform.storage.outputs import record_output
from ml_platform.storage.simulated_clock import SimulatedClock
from tests.shop_project import open_shop

NOW = datetime(2024, 3, 1, tzinfo=UTC)


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    return open_shop(tmp_path / "shop")


def test_it_is_current_once_it_is_written(shop: Project) -> None:
    assert not is_current(shop)
    _, page = refresh_site(shop)
    assert page == site_folder(shop) / "index.html"
    assert is_current(shop)


def test_an_output_an_alert_and_a_moved_clock_each_make_it_old(shop: Project) -> None:
    refresh_site(shop)
    record_output(shop.database, "sources/orders", "source", "0" * 64, run="r", at=NOW)
    assert not is_current(shop)
    refresh_site(shop)
    send_alert(shop, Alert(key="k", title="t", body="b", severity="ticket"), NOW)
    assert not is_current(shop)
    refresh_site(shop)
    assert isinstance(shop.clock, SimulatedClock)
    shop.clock.advance(timedelta(hours=1))
    assert not is_current(shop)
    refresh_site(shop)
    assert is_current(shop)


@pytest.mark.parametrize("marker", ["", "[]", "{}", "not json"])
def test_a_marker_that_cannot_be_read_is_not_current(shop: Project, marker: str) -> None:
    refresh_site(shop)
    (site_folder(shop) / MARKER).write_text(marker)
    assert not is_current(shop)


def test_a_folder_with_other_files_is_refused_before_anything_is_computed(
    shop: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notes.txt").write_text("mine")

    def fail(*_: object) -> None:
        raise AssertionError("facts were gathered")

    monkeypatch.setattr("ml_platform.reporting.site.refresh.site_facts", fail)
    with pytest.raises(NotASite):
        refresh_site(shop, tmp_path)
