from __future__ import annotations

from pathlib import Path

import pytest

from tests.declarations.ferry import write_ferry


@pytest.fixture
def ferry(tmp_path: Path) -> Path:
    return write_ferry(tmp_path / "ferry")
