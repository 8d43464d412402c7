"""A shop to monitor."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.models.rows import shop_rows
from tests.operations.monitoring.hand_made_world import HandMadeWorld, hand_made_world
from tests.operations.monitoring.monitored_shop import DEPLOYED, MODEL
from tests.shop_project import open_shop


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HandMadeWorld:
    """The shop with one version in charge and some 40 orders a day, drawn as the training rows were."""
    monkeypatch.setattr("ml_platform.operations.monitoring.monitor.drift_report", lambda *_: "<html>a page</html>")
    world = hand_made_world(open_shop(tmp_path), monkeypatch, count=1200, seed=5)
    world.appoint(MODEL, world.train(MODEL, shop_rows(1000, seed=6), "reference"), DEPLOYED)
    return world
