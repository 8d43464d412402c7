"""A hand-made world to score."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.operations.monitoring.hand_made_world import HandMadeWorld, hand_made_world
from tests.shop_project import open_shop


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HandMadeWorld:
    """The shop, with some 20 rows a day."""
    return hand_made_world(open_shop(tmp_path), monkeypatch)
